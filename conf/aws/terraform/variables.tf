variable "package_url" {
  description = "Where the hosts fetch the Debian package of zonevip"
  type        = string
}

variable "image_id" {
  description = "Debian 12; empty: the newest for this architecture"
  type        = string
  default     = ""
}

variable "instance_type" {
  description = "Of the database hosts and of the web hosts"
  type        = string
  default     = "t3.small"
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "virtual_ip" {
  description = "Outside the range of the VPC, so that only a route leads to it"
  type        = string
  default     = "10.1.5.5"
}

variable "parameter_name" {
  description = "Its value is the name of the host that owns the virtual IP"
  type        = string
  default     = "MasterDB_VIP"
}

variable "cluster" {
  description = "Name of the pair; the agents' own parameters begin with it"
  type        = string
  default     = "orders-db"
}
