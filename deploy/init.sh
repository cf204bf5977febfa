#!/bin/sh
# Certificates and token of a compose cluster, in the folder that is given: made once, and renewed by the next `up` when the
# certificates are older than 60 days of their 90. Nodes that run take new ones by themselves.
#
# Whoever owns the folder may read all of it; the nodes (group 65532) all but the authority's key.
set -eu
state=$1
umask 077
if [ ! -e "$state/ca.pem" ]; then
  rm -rf "$state/.new"
  aquifer certs init --dir "$state/.new" --host coordinator > /dev/null
  # The authority's certificate comes last: where it is, the others are.
  mv "$state/.new/ca.key" "$state/.new/token" "$state/.new"/coordinator.* "$state/.new"/worker.* "$state"
  mv "$state/.new/ca.pem" "$state"
  rm -rf "$state/.new"
elif [ -n "$(find "$state/coordinator.pem" -mtime +60)" ]; then
  aquifer certs renew --dir "$state" --host coordinator > /dev/null
fi
owner=$(stat -c %u:%g "$state")
chown "${owner%:*}:65532" "$state/ca.pem" "$state/token" "$state"/coordinator.* "$state"/worker.*
chmod 0640 "$state/ca.pem" "$state/token" "$state"/coordinator.* "$state"/worker.*
chown "$owner" "$state/ca.key"
chmod 0600 "$state/ca.key"
