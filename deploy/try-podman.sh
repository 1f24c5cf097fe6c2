#!/bin/bash
# Tries what is deployed for real, with Podman: builds the image, brings docker-compose.yml up, works on tasks through the
# proxy, kills a server in the middle, and takes all down again. As root on Debian 12 or newer, in about five minutes:
#
#   apt-get install --no-install-recommends podman buildah runc catatonit containernetworking-plugins \
#     golang-github-containernetworking-plugin-dnsname iptables dnsmasq-base uidmap fuse-overlayfs debootstrap podman-compose curl
#   npm install && deploy/try-podman.sh
#
# Images come from their registries. Where none is reachable, they are made of Debian's packages under the same names, in a
# storage of their own that is deleted at the end; Grafana, which Debian does not have, is then left out.
set -euo pipefail
cd "$(dirname "$0")/.."

export DOCKET_PORT="${DOCKET_PORT:-14000}" COMPOSE_PROJECT_NAME=docket-try
url="http://127.0.0.1:$DOCKET_PORT"
work=$(mktemp -d)
cat > "$work/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
CONF
cat > "$work/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "${TRY_STORAGE:-$work/storage}"
runroot = "$work/run"
CONF
export CONTAINERS_CONF="$work/containers.conf" CONTAINERS_STORAGE_CONF="$work/storage.conf"

say() { printf '\n%s  %s\n' "$(date +%T)" "$*"; }
fail() { say "FAILED: $*"; exit 1; }
compose() { podman-compose -p "$COMPOSE_PROJECT_NAME" "$@" 2> >(grep -v 'systemd' >&2); }
container() { echo "${COMPOSE_PROJECT_NAME}_$1_1"; }
# A command of Docket's beside the servers, as a user's machine runs it.
docket() { podman run --rm --network=host --read-only -e DOCKET_URL="$url" -e DOCKET_API_KEY="$key" -e DOCKET_PROJECT=try docket:local "$@" 2> >(grep -v systemd >&2); }
rest() { curl --silent --show-error --fail-with-body --max-time 10 --header "Authorization: Bearer $key" --header 'Content-Type: application/json' "$@"; }
seconds_since() { awk -v from="$1" -v to="$(date +%s.%N)" 'BEGIN { printf "%.1f s", to - from }'; }

# Without systemd, Podman starts nothing again that has a health check: this does, as `restart: unless-stopped` asks for.
start_again() {
  while sleep 1; do
    podman ps --all --filter status=exited --format '{{.Names}} {{.ExitCode}}' | while read -r name code; do
      [ "$code" = 0 ] || podman start "$name" > /dev/null 2>&1 || true
    done
  done
}

end() {
  local code=$?
  if [ -n "${keeper:-}" ]; then kill "$keeper" 2> /dev/null || true; fi
  if [ -z "${held:-}" ]; then
    for service in postgres docket-1 docket-2 docket-jobs proxy; do
      say "The last lines of $service:"
      podman logs --tail 15 "$(container $service)" 2>&1 || true
    done
  fi
  say "Taking all down"
  compose down --volumes > "$work/down.txt" 2>&1 || cat "$work/down.txt"
  podman network rm --force "${COMPOSE_PROJECT_NAME}_default" > /dev/null 2>&1 || true
  if [ -z "${TRY_STORAGE:-}" ]; then podman system reset --force > /dev/null 2>&1 || true; fi
  rm -rf "$work"
  [ -z "${held:-}" ] || say "All of it held."
  exit $code
}
trap end EXIT
trap 'exit 130' INT TERM

node_image=$(sed -n 's/^FROM .*\(docker.io[^ ]*\) AS .*/\1/p' Dockerfile)

# The image of Node, as its own: a minimal Debian, Node and npm, and the certificates that this machine trusts.
make_base() {
  local root="$work/base" npm
  npm=$(npm root --global)/npm
  debootstrap --variant=minbase bookworm "$root" http://deb.debian.org/debian > "$work/debootstrap.txt" || { tail -5 "$work/debootstrap.txt"; return 1; }
  mkdir -p "$root/usr/local/lib/node_modules" "$root/etc/ssl/certs"
  cp --dereference node_modules/node/bin/node "$root/usr/local/bin/node"
  cp --recursive "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  chroot "$root" useradd --uid 1000 --create-home node
  rm -rf "$root"/var/cache/apt/archives/*.deb
  tar --directory "$root" --create . |
    podman import --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' --change 'CMD ["node"]' - "$1" > /dev/null
  rm -rf "$root"
}

# make_of IMAGE PACKAGE, and further lines of its Dockerfile on standard input.
make_of() {
  {
    echo "FROM $node_image"
    echo "RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $2"
    cat
  } > "$work/Dockerfile.$2"
  podman build --pull=never --network=host --format docker --tag "$1" --file "$work/Dockerfile.$2" "$work" > "$work/made.txt" 2>&1 ||
    { tail -5 "$work/made.txt"; return 1; }
}

# Each as its official image behaves towards docker-compose.yml: the same users, folders and entry points.
make_image() {
  case "$1" in
    "$node_image") make_base "$1" ;;
    */postgres:*)
      cat > "$work/postgres.sh" <<'SH'
#!/bin/sh
set -e
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin)
export PATH PGDATA=/var/lib/postgresql/data
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
fi
exec "$@" -c listen_addresses='*'
SH
      make_of "$1" postgresql <<'LINES'
COPY postgres.sh /usr/local/bin/postgres.sh
RUN chmod 755 /usr/local/bin/postgres.sh && mkdir -p -m 3777 /run/postgresql
USER postgres
ENTRYPOINT ["postgres.sh"]
LINES
      ;;
    */caddy:*) make_of "$1" caddy < /dev/null ;;
    */nats:*) make_of "$1" nats-server <<< 'ENTRYPOINT ["nats-server"]' ;;
    */prometheus:*)
      make_of "$1" prometheus <<'LINES'
RUN mkdir -p /prometheus && chown nobody:nogroup /prometheus
USER nobody
ENTRYPOINT ["prometheus"]
LINES
      ;;
    *) return 1 ;;
  esac
}

say "Images"
services=()
have() {
  podman image exists "$1" || timeout 120 podman pull --quiet "$1" > /dev/null 2>&1 || { echo "made of Debian's packages: $1"; make_image "$1"; }
}
have "$node_image" || fail "There is no image of Node."
while read -r service image; do
  if [ "$image" = docket:local ] || have "$image"; then services+=("$service"); else echo "left out: $service"; fi
done < <(node -e '
  const { parse } = require("yaml");
  const { services } = parse(require("fs").readFileSync("docker-compose.yml", "utf8"), { merge: true });
  for (const [name, { image }] of Object.entries(services)) console.log(name, image.replace(/^\$\{\w+:-(.*)\}$/, "$1"));
')

say "Building the image"
began=$(date +%s.%N)
podman build --pull=never --network=host --format docker --tag docket:local . > "$work/build.txt" 2>&1 || { tail -20 "$work/build.txt"; fail "The image cannot be built."; }
size() { podman image inspect --format '{{.Size}}' "$1"; }
echo "built in $(seconds_since "$began"); $(($(size docket:local) / 1000000)) MB, of which Docket $((($(size docket:local) - $(size "$node_image")) / 1000000)) MB"
[ "$(podman run --rm --entrypoint id docket:local -u 2> /dev/null)" = 1000 ] || fail "The image runs as root."
podman run --rm --read-only --cap-drop=all --security-opt=no-new-privileges docket:local --version 2> /dev/null

say "Bringing up: ${services[*]}"
began=$(date +%s.%N)
if [ ! -d /run/systemd/system ]; then start_again & keeper=$!; fi
compose up --detach "${services[@]}" > "$work/up.txt" 2>&1 || { tail -20 "$work/up.txt"; fail "The compose file does not come up."; }
curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors --output /dev/null "$url/health/ready" || fail "Nothing answers at $url."
echo "ready after $(seconds_since "$began")"
for service in docket-1 docket-2 docket-jobs; do
  name=$(container $service)
  for _ in $(seq 60); do podman healthcheck run "$name" > /dev/null 2>&1 && break || sleep 1; done
  podman healthcheck run "$name" > /dev/null || fail "$service is not healthy."
  podman exec "$name" sh -c 'test "$(id -u)" = 1000 && ! touch /opt/docket/x 2> /dev/null && grep -q "^CapEff:\s*0*$" /proc/1/status && grep -q "^NoNewPrivs:\s*1$" /proc/1/status' ||
    fail "$service has more rights than it needs."
done
echo "three processes are healthy, none as root, roots read-only, without capabilities"

say "Working on 20 tasks through the proxy, while one server is killed"
key=$(podman exec "$(container docket-2)" cat /var/lib/docket/agent-key)
tasks=$(for i in $(seq 20); do printf '%s{"description":"task %s","generator":"try"}' "$([ "$i" = 1 ] || echo ,)" "$i"; done)
rest --output /dev/null --data "{\"project_id\":\"try\",\"tasks\":[$tasks]}" "$url/tasks/batch"
rest --no-buffer --max-time 120 "$url/notifications/stream?project=try&types=task.completed" > "$work/stream.txt" 2>&1 &
stream=$!
docket work --loop --max 20 -- sleep 0.3 > "$work/work.txt" 2>&1 &
worker=$!
count() { rest "$url/tasks?project=try&status=completed" | node -e 'let s="";process.stdin.on("data",(d)=>(s+=d)).on("end",()=>console.log(JSON.parse(s).total))'; }
until [ "$(count)" -ge 5 ]; do sleep 0.2; done
kill -KILL "$(podman inspect --format '{{.State.Pid}}' "$(container docket-1)")"
killed=$(date +%s.%N)
before=$(count)
echo "docket-1 was killed after $before tasks; the next answer came after $(seconds_since "$killed")"
until [ "$(count)" -gt "$((before + 1))" ]; do sleep 0.1; done
echo "the work went on after $(seconds_since "$killed")"
wait $worker || { tail -20 "$work/work.txt"; fail "The worker gave up."; }
[ "$(count)" = 20 ] || fail "Not all 20 tasks were completed, but $(count)."
echo "all 20 completed"
kill $stream 2> /dev/null || true
echo "the stream of notifications brought $(grep -c "^event: task.completed" "$work/stream.txt" || true) of 20 completions; it ends with its server, and resumes elsewhere"
podman exec "$(container docket-2)" docket audit verify
for _ in $(seq 60); do podman exec "$(container docket-1)" true 2> /dev/null && break || sleep 1; done
for _ in $(seq 60); do podman healthcheck run "$(container docket-1)" > /dev/null 2>&1 && break || sleep 1; done
podman healthcheck run "$(container docket-1)" > /dev/null || fail "The killed server did not come back."
echo "docket-1 is back after $(seconds_since "$killed")"

say "Stopping the jobs: what is due waits"
began=$(date +%s.%N)
podman stop "$(container docket-jobs)" > /dev/null 2>&1
echo "docket-jobs stopped in $(seconds_since "$began") with $(podman inspect --format '{{.State.ExitCode}}' "$(container docket-jobs)")"
[ "$(podman inspect --format '{{.State.ExitCode}}' "$(container docket-jobs)")" = 0 ] || fail "A server that is asked to stop does not stop in order."
due=$(date --utc --date='+1 hour 3 seconds' +%FT%TZ)
rest --output "$work/reminded.json" --data "{\"project_id\":\"try\",\"description\":\"remind\",\"generator\":\"try\",\"due_date\":\"$due\",\"reminder_offset\":\"1 hour\"}" "$url/tasks"
id=$(grep --only-matching --max-count=1 'TASK-[0-9]*' "$work/reminded.json" | head -1)
triggered() { rest "$url/audit/tasks/$id?project=try" | grep -c 'task.reminder.triggered' || true; }
sleep 6
[ "$(triggered)" = 0 ] || fail "A reminder came without the jobs."
podman start "$(container docket-jobs)" > /dev/null 2>&1
began=$(date +%s.%N)
until [ "$(triggered)" = 1 ]; do sleep 0.5; [ $SECONDS -lt 1500 ] || fail "The reminder never came."; done
echo "the reminder came $(seconds_since "$began") after the jobs were back"

if printf '%s\n' "${services[@]}" | grep -q prometheus; then
  say "Prometheus"
  query() { podman exec "$(container docket-2)" node -e 'fetch("http://prometheus:9090/api/v1/" + process.argv[1]).then((r) => r.text()).then(console.log)' "$1"; }
  for _ in $(seq 60); do [ "$(query 'targets?state=active' | grep -o '"health":"up"' | wc -l)" -ge 3 ] && break || sleep 1; done
  query 'targets?state=active' | node -e 'let s="";process.stdin.on("data",(d)=>(s+=d)).on("end",()=>{for(const t of JSON.parse(s).data.activeTargets)console.log(t.labels.instance,t.health,t.lastError)})'
fi

held=yes
