output "route_tables" {
  description = "For route_table in zonevip.conf"
  value       = [aws_route_table.public.id, aws_route_table.private.id]
}

output "db_hosts" {
  description = "Instances of DB_Host1 and DB_Host2"
  value       = aws_instance.db[*].id
}

output "web_hosts" {
  description = "Instances of web_host1 and web_host2"
  value       = aws_instance.web[*].id
}
