# A database host: mariadbd, the package, the key, the configuration. Variables stand above:
# PACKAGE_URL KEY_SECRET REGION CLUSTER VIP PARAMETER ADDRESS1 ADDRESS2 TABLES (words, one a table).
set -eu
ETC=$ROOT/etc # ROOT is empty but in a test
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y mariadb-server awscli curl
curl -fsSLo /var/tmp/zonevip.deb "$PACKAGE_URL"
apt-get install -y /var/tmp/zonevip.deb

# Debian's mariadbd listens on 127.0.0.1 only; clients come by the virtual IP.
printf '[mysqld]\nbind_address = *\n' >"$ETC/mysql/mariadb.conf.d/90-zonevip.cnf"
systemctl restart mariadb

# One secret for both hosts, never in this text: the key is 32 bytes made from it.
aws --region "$REGION" secretsmanager get-secret-value --secret-id "$KEY_SECRET" \
	--query SecretString --output text | openssl dgst -sha256 -binary >"$ETC/zonevip/heartbeat.key"
chown zonevip: "$ETC/zonevip/heartbeat.key"
chmod 0400 "$ETC/zonevip/heartbeat.key"

INTERFACE=$(ip -o route show default | awk '{ print $5; exit }')
cat >"$ETC/zonevip/zonevip.conf" <<END
global_defs {
	cluster $CLUSTER
}
node DB_Host1 {
	address $ADDRESS1
	priority 150
}
node DB_Host2 {
	address $ADDRESS2
	priority 100
}
heartbeat {
	port 7112
	key_file /etc/zonevip/heartbeat.key
	profile safe
}
track_mysql local {
	socket /run/mysqld/mysqld.sock
	user zonevip
	interval 0.5
	timeout 1.0
	rise 2
	fall 2
}
vip_instance MasterDB {
	interface $INTERFACE
	virtual_ipaddress {
		$VIP/32 label $INTERFACE:1
	}
	route_table {
$(for table in $TABLES; do printf '\t\t%s\n' "$table"; done)
	}
	parameter $PARAMETER
	track_mysql local
}
END
mysql -e "CREATE USER IF NOT EXISTS zonevip@localhost IDENTIFIED VIA unix_socket"
zonevipd -f "$ETC/zonevip/zonevip.conf" -t
systemctl enable --now zonevip-notify zonevip
