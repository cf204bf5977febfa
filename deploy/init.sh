#!/bin/sh
# Certificates and tokens of a compose cluster, in the folder that is given: made once, and renewed by the next `up` when the
# certificates are older than 60 days of their 90. Nodes that run take new ones by themselves.
#
# Whoever owns the folder may read all of it; nodes (group 65532) what they are given alone: the coordinator its own files in
# the folder, the workers theirs in `worker/`.
set -eu
state=$1
umask 077
if [ ! -e "$state/ca.pem" ]; then
  rm -rf "$state/.new"
  aquifer certs init --dir "$state/.new" --host coordinator > /dev/null
  # The authority's certificate comes last: where it is, the others are.
  mv "$state/.new/ca.key" "$state/.new"/token* "$state/.new/worker-token" "$state/.new"/coordinator.* "$state/.new"/worker.* "$state"
  mv "$state/.new/ca.pem" "$state"
  rm -rf "$state/.new"
elif [ -n "$(find "$state/coordinator.pem" -mtime +60)" ]; then
  aquifer certs renew --dir "$state" --host coordinator > /dev/null
fi

owner=$(stat -c %u:%g "$state")
chown "$owner" "$state/ca.key" "$state/worker-token" "$state"/worker.*
share() { # with the nodes
  chown "${owner%:*}:65532" "$@"
  chmod 0640 "$@"
}
share "$state/ca.pem" "$state"/token* "$state"/coordinator.*

worker=$state/worker
mkdir -p "$worker"
chown "${owner%:*}:65532" "$worker"
chmod 0750 "$worker"
for name in ca.pem worker.pem worker.key worker-token; do
  if ! cmp -s "$state/$name" "$worker/$name"; then
    cp "$state/$name" "$worker/.$name"
    share "$worker/.$name"
    mv "$worker/.$name" "$worker/$name" # a node that reads sees the old one or the new one
  fi
done
