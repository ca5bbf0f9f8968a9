# The scenario of zonevip as a module: the same things as cloudformation.yaml. The agents move the
# routes and rewrite the parameter, so Terraform is told to leave those alone once they exist.
terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
    random = {
      source  = "hashicorp/random"
      version = ">= 3.0"
    }
  }
}

data "aws_availability_zones" "here" {
  state = "available"
}

data "aws_caller_identity" "here" {}

data "aws_partition" "here" {}

data "aws_ssm_parameter" "debian" {
  name = "/aws/service/debian/release/12/latest/amd64"
}

locals {
  image     = var.image_id != "" ? var.image_id : data.aws_ssm_parameter.debian.value
  account   = "${var.region}:${data.aws_caller_identity.here.account_id}"
  partition = data.aws_partition.here.partition
  addresses = ["10.0.2.10", "10.0.4.10"]
  tables    = [aws_route_table.public.id, aws_route_table.private.id]
}

resource "aws_vpc" "main" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = "zonevip" }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_subnet" "public" {
  count                   = 2
  vpc_id                  = aws_vpc.main.id
  cidr_block              = ["10.0.1.0/24", "10.0.3.0/24"][count.index]
  availability_zone       = data.aws_availability_zones.here.names[count.index]
  map_public_ip_on_launch = true
  tags                    = { Name = "public${count.index + 1}" }
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = ["10.0.2.0/24", "10.0.4.0/24"][count.index]
  availability_zone = data.aws_availability_zones.here.names[count.index]
  tags              = { Name = "private${count.index + 1}" }
}

resource "aws_eip" "nat" {
  domain     = "vpc"
  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "main" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public[0].id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "public" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "private" }
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_route" "public_default" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}

resource "aws_route" "private_default" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main.id
}

resource "aws_route" "virtual_ip" {
  count                  = 2
  route_table_id         = local.tables[count.index]
  destination_cidr_block = "${var.virtual_ip}/32"
  network_interface_id   = aws_network_interface.db[0].id
  lifecycle {
    ignore_changes = [network_interface_id]
  }
}

resource "aws_ssm_parameter" "owner" {
  name        = var.parameter_name
  description = "Name of the host that owns the virtual IP, written by zonevip"
  type        = "String"
  value       = "DB_Host1"
  lifecycle {
    ignore_changes = [value]
  }
}

resource "aws_security_group" "web" {
  name        = "zonevip-web"
  description = "Web hosts: from the world by HTTP, to the database by its virtual IP"
  vpc_id      = aws_vpc.main.id
  ingress {
    description = "clients"
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    description = "the virtual IP"
    protocol    = "tcp"
    from_port   = 3306
    to_port     = 3306
    cidr_blocks = ["${var.virtual_ip}/32"]
  }
  egress {
    description = "packages"
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    description = "packages"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "db" {
  name        = "zonevip-db"
  description = "Database hosts: MySQL from the web subnets, heartbeats from each other"
  vpc_id      = aws_vpc.main.id
  ingress {
    description = "MySQL from the web hosts"
    protocol    = "tcp"
    from_port   = 3306
    to_port     = 3306
    cidr_blocks = aws_subnet.public[*].cidr_block
  }
  ingress {
    description = "replication"
    protocol    = "tcp"
    from_port   = 3306
    to_port     = 3306
    self        = true
  }
  ingress {
    description = "heartbeats of zonevip"
    protocol    = "udp"
    from_port   = 7112
    to_port     = 7112
    self        = true
  }
  egress {
    description = "AWS, packages, the other host"
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "random_password" "key" {
  length  = 64
  special = false
}

resource "aws_secretsmanager_secret" "key" {
  name_prefix = "zonevip-heartbeat-"
  description = "What the key of zonevip's heartbeats is made from"
}

resource "aws_secretsmanager_secret_version" "key" {
  secret_id     = aws_secretsmanager_secret.key.id
  secret_string = random_password.key.result
}

resource "aws_iam_role" "db" {
  name_prefix = "zonevip-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "db" {
  name = "zonevip"
  role = aws_iam_role.db.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SeeRoutesAndInterfaces"
        Effect   = "Allow"
        Action   = ["ec2:DescribeRouteTables", "ec2:DescribeNetworkInterfaces", "ec2:DescribeInstances"]
        Resource = "*"
      },
      {
        Sid      = "MoveTheRoutes"
        Effect   = "Allow"
        Action   = ["ec2:ReplaceRoute", "ec2:CreateRoute"]
        Resource = [for table in local.tables : "arn:${local.partition}:ec2:${local.account}:route-table/${table}"]
      },
      {
        Sid    = "RecordTheOwner"
        Effect = "Allow"
        Action = ["ssm:GetParameter", "ssm:PutParameter"]
        Resource = [
          "arn:${local.partition}:ssm:${local.account}:parameter/${var.parameter_name}",
          "arn:${local.partition}:ssm:${local.account}:parameter/${var.cluster}.touch.*",
        ]
      },
      {
        Sid      = "FetchTheKeyAtFirstBoot"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = aws_secretsmanager_secret.key.arn
      },
    ]
  })
}

resource "aws_iam_instance_profile" "db" {
  name_prefix = "zonevip-"
  role        = aws_iam_role.db.name
}

resource "aws_network_interface" "db" {
  count             = 2
  subnet_id         = aws_subnet.private[count.index].id
  private_ips       = [local.addresses[count.index]]
  security_groups   = [aws_security_group.db.id]
  source_dest_check = false
  tags              = { Name = "DB_Host${count.index + 1}" }
}

resource "aws_instance" "db" {
  count                = 2
  ami                  = local.image
  instance_type        = var.instance_type
  iam_instance_profile = aws_iam_instance_profile.db.name
  network_interface {
    device_index         = 0
    network_interface_id = aws_network_interface.db[count.index].id
  }
  metadata_options {
    http_tokens = "required"
  }
  user_data = join("\n", [
    "#!/bin/bash",
    "PACKAGE_URL=${var.package_url} KEY_SECRET=${aws_secretsmanager_secret.key.arn} REGION=${var.region} CLUSTER=${var.cluster}",
    "VIP=${var.virtual_ip} PARAMETER=${var.parameter_name} ADDRESS1=${local.addresses[0]} ADDRESS2=${local.addresses[1]}",
    "TABLES=\"${join(" ", local.tables)}\"",
    "ROOT=",
    file("${path.module}/../user-data.sh"),
  ])
  tags       = { Name = "DB_Host${count.index + 1}" }
  depends_on = [aws_route.private_default, aws_secretsmanager_secret_version.key]
}

resource "aws_instance" "web" {
  count                  = 2
  ami                    = local.image
  instance_type          = var.instance_type
  subnet_id              = aws_subnet.public[count.index].id
  vpc_security_group_ids = [aws_security_group.web.id]
  metadata_options {
    http_tokens = "required"
  }
  user_data = join("\n", [
    "#!/bin/bash",
    "echo '${var.virtual_ip} DB_Host' >>/etc/hosts",
    "apt-get update",
    "DEBIAN_FRONTEND=noninteractive apt-get install -y apache2 libapache2-mod-php php-mysql",
    "",
  ])
  tags       = { Name = "web_host${count.index + 1}" }
  depends_on = [aws_route.public_default]
}
