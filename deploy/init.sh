#!/bin/sh
# Certificates and tokens of a compose cluster, in the folder that is given: made once, and renewed by the next `up` when the
# certificates are older than 60 days of their 90. Nodes that run take new ones by themselves.
#
# Whoever owns the folder may read all of it; nodes what they are given alone: the coordinator (group 65532) its own files in
# the folder, the workers (group 65531) theirs in `worker/`. A worker may meet the others too, as the folder may lie in the
# data that it is shown: so no file belongs to the user of the nodes, and none of the coordinator's to a group of workers.
set -eu
state=$1
nodes=65532 workers=65531
umask 077

owner=$(stat -c %u "$state")
group=$(stat -c %g "$state")
if [ "$owner" = $nodes ]; then
  echo "the folder of certificates and tokens belongs to user $nodes, as whom nodes run: give it to another one (chown)" >&2
  exit 1
fi
if [ ! -e "$state/ca.pem" ]; then
  rm -rf "$state/.new"
  aquifer certs init --dir "$state/.new" --host coordinator > /dev/null
  # The authority's certificate comes last: where it is, the others are.
  mv "$state/.new/ca.key" "$state/.new"/token* "$state/.new/worker-token" "$state/.new"/coordinator.* "$state/.new"/worker.* "$state"
  mv "$state/.new/ca.pem" "$state"
  rm -rf "$state/.new"
elif [ -n "$(find "$state/coordinator.pem" -mtime +60)" ]; then
  if [ -e "$state/ca.key" ]; then
    aquifer certs renew --dir "$state" > /dev/null
  else
    echo "certificates are older than 60 days of their 90: put ca.key back beside ca.pem, and \`up\` again" >&2
  fi
fi

for name in "$state/ca.key" "$state/worker-token" "$state"/worker.*; do
  [ ! -e "$name" ] || chown "$owner:$group" "$name" # ca.key may be kept elsewhere
done
share() { # with a group of nodes
  with=$1
  shift
  chown "$owner:$with" "$@"
  chmod 0640 "$@"
}
share $nodes "$state/ca.pem" "$state"/token* "$state"/coordinator.*
# The coordinator comes into the folder as whoever else may, or by its group.
case $(stat -c %A "$state") in
  *[xt]) ;;
  *) chown "$owner:$nodes" "$state" && chmod g+x "$state" ;;
esac

worker=$state/worker
mkdir -p "$worker"
chown "$owner:$workers" "$worker"
chmod 0750 "$worker"
for name in ca.pem worker.pem worker.key worker-token; do
  if ! cmp -s "$state/$name" "$worker/$name"; then
    cp "$state/$name" "$worker/.$name"
    share $workers "$worker/.$name"
    mv "$worker/.$name" "$worker/$name" # a node that reads sees the old one or the new one
  fi
  share $workers "$worker/$name"
done
