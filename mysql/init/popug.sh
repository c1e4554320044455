#!/bin/bash
# Runs once, when the official image fills an empty data folder: six databases, their owner
# (who migrates them, and gives each service its rights), and six users without any right yet.
# The passwords are hexadecimal digits, so they need no quoting; that is made sure of.

password_of() {
  local password
  password=$(<"/run/secrets/$1")
  [[ $password =~ ^[0-9a-f]{16,}$ ]] || { echo "no password in /run/secrets/$1" >&2; exit 1; }
  printf %s "$password"
}

popug_statements() {
  local password service
  password=$(password_of owner) || exit 1
  # In a pattern _ stands for any character, unless it is escaped.
  echo "CREATE USER 'popug_owner'@'%' IDENTIFIED BY '$password';"
  echo "GRANT ALL ON \`popug\\_%\`.* TO 'popug_owner'@'%' WITH GRANT OPTION;"
  for service in auth tasks accounts billing mailer analytics; do
    password=$(password_of "$service") || exit 1
    echo "CREATE DATABASE popug_$service CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
    echo "CREATE USER 'popug_$service'@'%' IDENTIFIED BY '$password';"
  done
}

popug_sql=$(popug_statements) || exit 1
mysql --defaults-extra-file=<(printf '[client]\npassword=%s\n' "$MYSQL_ROOT_PASSWORD") \
  --user=root --protocol=socket <<<"$popug_sql" || exit 1
