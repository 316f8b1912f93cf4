#!/usr/bin/env bash
# Builds the image and runs it, without a daemon, and walks the README's path from a clone to a mail
# in an empty folder, command by command as it stands there.
#
# usage: tests/container.sh BINARY
#
# The image takes BINARY, a `runledger` that is compiled already; its base is made of
# five of the machine's own packages, since not every machine can pull images. It is kept in the cache,
# by default ~/.cache/runledger/containers. DynamoDB and SES are those of tests/run.sh
# (RUNLEDGER_TEST_DYNAMODB_URL, RUNLEDGER_TEST_SES_URL). What it needs it installs as root on Debian;
# where it cannot, it says SKIPPED and ends well.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binary=$(realpath "$1")

say() { printf '%s\n' "$*" >&2; }
skip() { say "SKIPPED the container: $*" && exit 0; }
fail() { say "failed: $*" && exit 1; }

[[ $(id -u) == 0 ]] || skip "mounting needs root"
lacking=()
for pair in buildah:buildah dpkg-deb:dpkg pgrep:procps unshare:util-linux strip:binutils; do
    command -v "${pair%:*}" >/dev/null || lacking+=("${pair#*:}")
done
if ((${#lacking[@]})); then
    command -v apt-get >/dev/null || skip "no ${lacking[*]}, and no apt-get"
    say "installing ${lacking[*]}"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${lacking[@]}"; } \
        >/dev/null 2>&1 || skip "cannot install ${lacking[*]}"
fi
unshare --mount --pid --fork true 2>/dev/null || skip "this machine does not let a process mount"

export RUNLEDGER_CONTAINERS=${RUNLEDGER_CONTAINERS:-${XDG_CACHE_HOME:-$HOME/.cache}/runledger/containers}
mkdir -p "$RUNLEDGER_CONTAINERS"
# One at a time: images and volumes have names.
exec 9>"$RUNLEDGER_CONTAINERS/lock"
flock 9
buildah=(buildah --storage-driver vfs --root "$RUNLEDGER_CONTAINERS/storage"
    --runroot "$RUNLEDGER_CONTAINERS/run")
work=$(mktemp -d)

clean_up() {
    if [[ -n ${demo:-} ]]; then
        kill "$demo" 2>/dev/null || true
        docker kill --signal=SIGKILL demo 2>/dev/null || true
        wait "$demo" 2>/dev/null || true
    fi
    "${buildah[@]}" rm --all >/dev/null 2>&1 || true
    "${buildah[@]}" rmi localhost/runledger >/dev/null 2>&1 || true
    "${buildah[@]}" rmi --prune >/dev/null 2>&1 || true
    rm -rf "$work" "$RUNLEDGER_CONTAINERS/volumes"
}
trap clean_up EXIT
clean_up
mkdir -p "$work"

# The base: what the image that is meant for it has too, and no shell or package manager. The packages
# are the machine's own, so that its glibc is the one that the binary was linked with.
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
base=localhost/runledger-base-2-$suite
if ! "${buildah[@]}" inspect --type image "$base" >/dev/null 2>&1; then
    say "making a base of $suite"
    mkdir -p "$work/packages" "$work"/base/{etc/ssl/certs,proc,tmp}
    chmod 1777 "$work/base/tmp"
    packages=(base-files ca-certificates libc6 libgcc-s1 tzdata)
    download() { (cd "$work/packages" && apt-get download "${packages[@]}" >"$work/apt.log" 2>&1); }
    download || { apt-get update -qq >/dev/null 2>&1 && download; } \
        || skip "cannot download ${packages[*]}: $(tail -n 1 "$work/apt.log")"
    for package in "$work"/packages/*.deb; do
        dpkg-deb --extract "$package" "$work/base"
    done
    cat "$work"/base/usr/share/ca-certificates/mozilla/*.crt >"$work/base/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$work"/base/usr/share/{doc,man,lintian} "$work"/base/usr/lib/*/gconv
    container=$("${buildah[@]}" from scratch)
    "${buildah[@]}" add --quiet "$container" "$work/base" / >/dev/null
    "${buildah[@]}" commit --quiet --rm "$container" "$base" >/dev/null 2>&1
    rm -rf "$work/base" "$work/packages"
fi

# A clone, as far as an image needs one.
clone=$work/clone
mkdir -p "$clone/container"
for part in Dockerfile .dockerignore report_templates schedules; do
    [[ ! -e $repository/$part ]] || cp -a "$repository/$part" "$clone/"
done
strip -o "$clone/container/runledger" "$binary"
export PATH=$repository/tests/container:$PATH BASE_IMAGE=$base BINARY=prebuilt
cd "$clone"

# The blocks of commands below that heading of the README, but for the servers, which run already
# and may have the table of an earlier time.
readme_path() {
    awk '/^## /{on = ($0 == "## From a clone to a mail")}
         /^```/{inside = on && $0 == "```sh"; if (on) print "#"; next}
         inside' "$repository/README.md" \
        | grep -v -e 'amazon/dynamodb-local' -e 'aws-ses-v2-local' \
        | sed -e "s#http://127.0.0.1:8000#$RUNLEDGER_TEST_DYNAMODB_URL#g" \
            -e "s#http://127.0.0.1:8005#$RUNLEDGER_TEST_SES_URL#g" \
            -e "s#dynamodb:first-mail#dynamodb:first-mail-$$#g"
}

# How many mails of the README's sender the mail server has.
mails() {
    python3 - "$RUNLEDGER_TEST_SES_URL/store" <<'PYTHON'
import json, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
emails = json.load(opener.open(sys.argv[1], timeout=30))["emails"]
print(sum("first-mail@example.com" in json.dumps(email) for email in emails))
PYTHON
}

# It computes for a minute, a program that is not optimised: from the image's first moment on, so that
# the rest need not wait for it.
run_demo() {
    until [[ -e $work/built ]]; do sleep 0.2; done
    exec docker run --name demo --rm --read-only -v test:/data runledger \
        demo --weeks 2 --out /data/demo >"$work/demo.log" 2>&1 9>&-
}
run_demo &
demo=$!

if [[ -n ${RUNLEDGER_TEST_DYNAMODB_URL:-} && -n ${RUNLEDGER_TEST_SES_URL:-} ]]; then
    readme_path | sed "/^docker build/a touch '$work/built'" >"$work/path.sh"
    grep -q 'report .*--send' "$work/path.sh" || fail "the README has no path from a clone to a mail"
    before=$(mails)
    bash -euo pipefail "$work/path.sh" >"$work/path.log" 2>&1 9>&- || fail "$(cat "$work/path.log")"
    sent=$(($(mails) - before))
    ((sent == 1)) || fail "$sent mails instead of one: $(cat "$work/path.log")"
    grep -q 'already sent to' "$work/path.log" || fail "sent again: $(cat "$work/path.log")"
    say "from a clone to a mail: one, and none the second time"
else
    say "SKIPPED from a clone to a mail: tests/run.sh starts DynamoDB and SES"
    docker build -t runledger .
    touch "$work/built"
fi

in_image() { docker run --rm --read-only -v test:/data runledger "$@" 9>&-; }

# Anybody may write into /tmp, but not of a read-only root.
if in_image --config /tmp/runledger.toml init >"$work/init.log" 2>&1; then
    fail "the root was written to"
fi
grep -qi 'read-only' "$work/init.log" || fail "the root was not read-only: $(cat "$work/init.log")"
docker run --rm -v test:/data runledger --config /tmp/runledger.toml init >/dev/null 2>&1 9>&- \
    || fail "a root that is not read-only was not written to"
say "the root is read-only, and nothing needs it otherwise"

in_image --help >"$work/help.log"
if grep -q '^  schedule ' "$work/help.log"; then
    in_image schedule list >"$work/list.log" 2>&1 || fail "schedule list: $(cat "$work/list.log")"
    grep -q '^weekly-report .*Europe/London' "$work/list.log" || fail "schedule list: $(cat "$work/list.log")"
    say "the schedules are in the image, and so are the time zones"
fi

if grep -q '^  doctor ' "$work/help.log"; then
    code=0
    in_image doctor >"$work/doctor.log" 2>&1 || code=$?
    ((code <= 5)) && [[ -s $work/doctor.log ]] || fail "doctor: $code $(cat "$work/doctor.log")"
    say "doctor runs in the image"
fi

# As the first process of its namespace it gets only the signals that it listens to. It cannot reach
# anything meanwhile, which is what it outlasts.
for command in watch "schedule serve"; do
    # What the one before said is not to be taken for what this one says.
    rm -f "$work/endless.log"
    docker run --name endless --read-only -v test:/data -e AWS_REGION=eu-west-1 \
        -e AWS_ENDPOINT_URL=http://127.0.0.1:1 -e AWS_ACCESS_KEY_ID=test -e AWS_SECRET_ACCESS_KEY=test \
        runledger $command >"$work/endless.log" 2>&1 9>&- &
    endless=$!
    for _ in $(seq 300); do
        [[ ! -s $work/endless.log ]] || break
        sleep 0.1
    done
    told=$(date +%s)
    docker kill --signal=SIGTERM endless \
        || fail "$command cannot be told to stop: $(cat "$work/endless.log")"
    code=0
    wait "$endless" || code=$?
    took=$(($(date +%s) - told))
    ((code == 0 && took <= 25)) || fail "$command, SIGTERM: $code after $took s: $(cat "$work/endless.log")"
    say "$command, told to stop as the first process, ended well within $((took + 1)) s"
done

wait "$demo" || fail "demo: $(cat "$work/demo.log")"
demo=
report=("$RUNLEDGER_CONTAINERS"/volumes/test/demo/weekly-*[0-9].json)
python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["totals"]["runs"] > 100' "${report[0]}" \
    || fail "the demo's report: $(head -c 500 "${report[0]}")"
say "the demo runs in the image, not as root, and its report is in the volume"
