#!/bin/sh
# Installs the Watchkeeper agent on this machine and enrols it; running it again is harmless.
#   sh install.sh --url https://hub:8000 --token wke_… [--ca ca.pem] [--name NAME] [--insecure]
#   sh install.sh --uninstall
# The token may come as WATCHKEEPER_TOKEN instead, which the other users of a machine cannot see.
# Root: /opt/watchkeeper-agent (macOS: /usr/local/libexec) and /var/lib/watchkeeper-agent. Others: ~/.watchkeeper-agent.
# WATCHKEEPER_AGENT_HOME=FOLDER puts everything into one folder instead.
set -eu
umask 022

DIGEST='@DIGEST@'
PLATFORM='@PLATFORM@'
UNIT=/etc/systemd/system/watchkeeper-agent.service
LABEL=io.watchkeeper.agent
COMMAND=/usr/local/bin/watchkeeper-agent
PLIST=/Library/LaunchDaemons/$LABEL.plist

fail() {
    echo "Watchkeeper agent: $*" >&2
    exit 1
}

places() {
    service=no
    if [ -n "${WATCHKEEPER_AGENT_HOME:-}" ]; then
        code=$WATCHKEEPER_AGENT_HOME/lib state=$WATCHKEEPER_AGENT_HOME
    elif [ "$(id -u)" = 0 ]; then
        code=/opt/watchkeeper-agent state=/var/lib/watchkeeper-agent
        if [ -d /run/systemd/system ]; then service=yes; fi
        if [ "$(uname)" = Darwin ]; then service=launchd code=/usr/local/libexec/watchkeeper-agent; fi
    else
        [ -n "${HOME:-}" ] || fail "HOME is not set. Set it, or WATCHKEEPER_AGENT_HOME, to a folder of yours."
        code=$HOME/.watchkeeper-agent/lib state=$HOME/.watchkeeper-agent
    fi
    case $code in /*) ;; *) fail "WATCHKEEPER_AGENT_HOME must begin with a slash." ;; esac
}

arguments() {
    url='' token=${WATCHKEEPER_TOKEN:-} ca='' name='' insecure='' uninstall=no
    while [ $# -gt 0 ]; do
        case $1 in
            --url | --token | --ca | --name)
                [ $# -gt 1 ] || fail "$1 needs a value. Copy the whole line from Add server."
                case $1 in
                    --url) url=${2%/} ;;
                    --token) token=$2 ;;
                    --ca) ca=$2 ;;
                    --name) name=$2 ;;
                esac
                shift
                ;;
            --insecure) insecure=--insecure ;;
            --uninstall) uninstall=yes ;;
            *) fail "$1 is not known. Copy the whole line from Add server." ;;
        esac
        shift
    done
    unset WATCHKEEPER_TOKEN # the agent that is started later has no use for it
    # Python looks for its modules in the current folder first, and anybody may have put some there.
    case $ca in '' | /*) ;; *) ca=$(pwd)/$ca ;; esac
    cd /
}

find_python() {
    python=''
    for candidate in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9; do
        if "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            python=$("$candidate" -I -c 'import sys; print(sys.executable)')
            return
        fi
    done
    fail "Python 3.9 or later is needed and was not found. Install it (for example: apt install python3) and paste the line again."
}

check_platform() {
    here=$("$python" -I -c 'import platform, sys
print(sys.platform, platform.machine(), (platform.libc_ver()[0] or "musl") if sys.platform == "linux" else "none", sep="-")')
    version=$("$python" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    carried=yes archive=bundle.tar.gz
    case $PLATFORM in "$here-any" | "$here-$version") return ;; esac
    # Another kind of machine than the hub: it may have, or get, what fits here.
    if answer=$(ask "$url/agent/bundle.sha256?platform=$here"); then
        case $answer in *[!0-9a-f]*) fail "the hub's answer is no digest. Is a proxy in between?" ;; esac
        DIGEST=$answer archive="bundle.tar.gz?platform=$here"
        return
    fi
    # And this machine's own psutil does as well.
    carried=no
    PYTHONPATH=$code "$python" -c 'import psutil' 2>/dev/null ||
        fail "the hub carries psutil for $PLATFORM, and this machine is $here-$version. ${answer:-The hub could not be asked.} Or install psutil here (for example: apt install python3-psutil). Then paste the line again."
}

# A short text; what the hub says instead of one goes to standard output as well, with exit status 1.
ask() {
    "$python" -I - "$1" "$ca" <<'END'
import ssl, sys, urllib.error, urllib.request
url, ca = sys.argv[1:]
try:
    handlers = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca or None)))
    print(urllib.request.build_opener(*handlers).open(url, timeout=90).read(4096).decode().strip())
except urllib.error.HTTPError as error:
    if "text/plain" in error.headers.get("Content-Type", ""):
        print(error.read(4096).decode("utf-8", "replace").strip())
    sys.exit(1)
except (OSError, ValueError):
    sys.exit(1)
END
}

# Arguments, not text of the program: nothing from outside is ever executed.
fetch() {
    "$python" -I - "$1" "$2" "$ca" "$DIGEST" <<'END' || exit 1
import hashlib, ssl, sys, urllib.request
url, path, ca, digest = sys.argv[1:]
try:
    handlers = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca or None)))
    content = urllib.request.build_opener(*handlers).open(url, timeout=60).read()
except (OSError, ValueError) as error:
    sys.exit(f"Watchkeeper agent: {url} cannot be fetched ({error}). Is the hub running, and the address right?")
if hashlib.sha256(content).hexdigest() != digest:
    sys.exit("Watchkeeper agent: the bundle changed while it was fetched. Paste the line again.")
with open(path, "wb") as file:
    file.write(content)
END
}

unpack() {
    mkdir -p "$code" "$state" || fail "$code cannot be made. Use a folder that is yours."
    chmod 700 "$state" 2>/dev/null || :
    fresh=$code/.fresh.$$
    rm -rf "$code"/.fresh.*
    mkdir "$fresh"
    fetch "$url/agent/$archive" "$fresh/bundle.tar.gz"
    (cd "$fresh" && "$python" -I -m tarfile -e bundle.tar.gz . >/dev/null) || fail "the bundle cannot be unpacked in $code. Is the disk full?"
    for part in watchkeeper_agent psutil; do
        rm -rf "${code:?}/$part"
        if [ "$part" = watchkeeper_agent ] || [ "$carried" = yes ]; then mv "$fresh/$part" "$code/$part"; fi
    done
    mv -f "$fresh/__main__.py" "$code/__main__.py"
    rm -rf "$fresh"
}

agent() {
    PYTHONPATH=$code "$python" -m watchkeeper_agent "$@"
}

# The folder may belong to the service's user by now, and what is in it may be a link to elsewhere.
keep_ca() {
    PYTHONPATH=$code "$python" -c 'import sys
from watchkeeper_agent.config import replace
with open(sys.argv[1], encoding="utf-8") as file:
    replace(sys.argv[2], file.read(), 0o644)' "$ca" "$state/ca.pem" 2>/dev/null ||
        fail "$ca cannot be copied to $state. Is the file there, and the disk not full?"
}

enrol() {
    set -- --url "$url" --config "$state/agent.json"
    if [ -n "$ca" ]; then
        if [ "$ca" != "$state/ca.pem" ]; then keep_ca; fi
        set -- "$@" --ca "$state/ca.pem"
    fi
    if [ -n "$name" ]; then set -- "$@" --name "$name"; fi
    if [ -n "$insecure" ]; then set -- "$@" "$insecure"; fi
    if (WATCHKEEPER_TOKEN=$token && export WATCHKEEPER_TOKEN && agent enrol "$@"); then return; fi
    # A used or old token is no harm on a machine that is known already.
    grep -qF "\"url\": \"$url\"" "$state/agent.json" 2>/dev/null || exit 1
    echo "This machine keeps the enrolment it has."
}

# For people: watchkeeper-agent status, watchkeeper-agent once. A command of somebody else's is left alone.
make_command() {
    if [ -e "$COMMAND" ] && ! grep -qF "$code" "$COMMAND" 2>/dev/null; then return; fi
    mkdir -p "${COMMAND%/*}"
    rm -f "$COMMAND"
    printf '#!/bin/sh\nexec "%s" -I "%s" "$@"\n' "$python" "$code" >"$COMMAND"
    chmod 755 "$COMMAND"
}

# Its own user where systemd can make one; the folder is handed over by systemd itself.
start_service() {
    cat >"$UNIT" <<END
[Unit]
Description=Watchkeeper agent
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=$python -m watchkeeper_agent run --config $state/agent.json
Environment=PYTHONPATH=$code PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=1
DynamicUser=yes
StateDirectory=watchkeeper-agent
StateDirectoryMode=0700
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
Restart=always
RestartSec=5
TimeoutStopSec=10

[Install]
WantedBy=multi-user.target
END
    "$python" -I -m compileall -q "$code" || :
    systemctl daemon-reload
    systemctl enable --quiet watchkeeper-agent
    systemctl restart watchkeeper-agent || fail "the service did not start. See: journalctl -u watchkeeper-agent"
    sleep 2
    systemctl is-active --quiet watchkeeper-agent || fail "the service did not stay running. See: journalctl -u watchkeeper-agent"
    make_command
    echo "The agent runs as the service watchkeeper-agent and starts with this machine."
}

# macOS: its own hidden user, and a daemon that launchd keeps running. Written by the book, not run there yet.
start_launchd() {
    end_launchd
    cat >"$PLIST" <<END
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
    <key>Label</key><string>$LABEL</string>
    <key>ProgramArguments</key>
    <array>
        <string>$python</string><string>-I</string><string>$code</string>
        <string>run</string><string>--config</string><string>$state/agent.json</string>
    </array>
    <key>EnvironmentVariables</key>
    <dict><key>PYTHONDONTWRITEBYTECODE</key><string>1</string></dict>
    <key>UserName</key><string>_watchkeeper</string>
    <key>RunAtLoad</key><true/>
    <key>KeepAlive</key><true/>
    <key>ThrottleInterval</key><integer>5</integer>
    <key>StandardErrorPath</key><string>$state/agent.log</string>
</dict>
</plist>
END
    chmod 644 "$PLIST"
    launchctl bootstrap system "$PLIST" || fail "launchd did not take the agent. See: launchctl print system/$LABEL"
    sleep 2
    launchctl print "system/$LABEL" 2>/dev/null | grep -q 'state = running' ||
        fail "the agent did not stay running. See: $state/agent.log"
    make_command
    echo "The agent runs under launchd and starts with this machine."
}

# It is told to end and does so in its own time; until then launchd takes no other of the same name.
end_launchd() {
    launchctl bootout "system/$LABEL" 2>/dev/null || :
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        launchctl print "system/$LABEL" >/dev/null 2>&1 || break
        sleep 1
    done
}

# Before anything is written into the folder: what root writes there is given to the folder's owner, one by one.
# A folder as a whole is never handed over, as its owner may have put links to others' files there.
launchd_folder() {
    launchd_user
    chown _watchkeeper "$state"
}

launchd_user() {
    if dscl . -read /Users/_watchkeeper >/dev/null 2>&1; then return; fi
    number=$(dscl . -list /Users UniqueID | awk '$2 >= 300 && $2 < 400 { used[$2] = 1 } END { for (n = 300; n < 400; n++) if (!used[n]) { print n; exit } }')
    [ -n "$number" ] || fail "there is no free number for the user _watchkeeper."
    dscl . -create /Users/_watchkeeper
    dscl . -create /Users/_watchkeeper UniqueID "$number"
    dscl . -create /Users/_watchkeeper PrimaryGroupID 20
    dscl . -create /Users/_watchkeeper UserShell /usr/bin/false
    dscl . -create /Users/_watchkeeper NFSHomeDirectory /var/empty
    dscl . -create /Users/_watchkeeper IsHidden 1
}

start_background() {
    stop_background
    if command -v setsid >/dev/null 2>&1; then detach=setsid; else detach=nohup; fi
    PYTHONPATH=$code MALLOC_ARENA_MAX=1 $detach "$python" -m watchkeeper_agent run --config "$state/agent.json" \
        </dev/null >>"$state/agent.log" 2>&1 &
    echo $! >"$state/agent.pid"
    sleep 1
    kill -0 "$(cat "$state/agent.pid")" 2>/dev/null ||
        fail "the agent did not stay running: $(tail -n 1 "$state/agent.log")"
    echo "The agent runs in the background; it does not start by itself with this machine (no systemd here, or not root)."
    echo "Its log is $state/agent.log."
}

# The number in the file may be another program's by now: only ours is ended.
stop_background() {
    [ -f "$state/agent.pid" ] || return 0
    old=$(cat "$state/agent.pid")
    if ps -p "$old" -o args= 2>/dev/null | grep -qF "$state/agent.json" ||
        tr '\0' ' ' <"/proc/$old/cmdline" 2>/dev/null | grep -qF "$state/agent.json"; then
        kill "$old" 2>/dev/null || :
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            kill -0 "$old" 2>/dev/null || break
            sleep 0.3
        done
    fi
    rm -f "$state/agent.pid"
}

remove() {
    found=no
    for part in "$code/watchkeeper_agent" "$state/agent.json" "$state/spool"; do
        if [ -e "$part" ]; then found=yes; fi
    done
    if [ "$service" = yes ] && [ -f "$UNIT" ]; then
        systemctl disable --quiet --now watchkeeper-agent || :
        rm -f "$UNIT"
        systemctl daemon-reload
        rm -rf /var/lib/private/watchkeeper-agent
    fi
    if [ "$service" = launchd ]; then
        end_launchd
        rm -f "$PLIST"
        dscl . -delete /Users/_watchkeeper 2>/dev/null || :
    fi
    if grep -qF "$code" "$COMMAND" 2>/dev/null; then rm -f "$COMMAND"; fi
    stop_background
    rm -rf "$code/watchkeeper_agent" "$code/psutil" "$code/__pycache__" "$code"/.fresh.* "$state/spool"
    rm -f "$code/__main__.py" "$state/agent.json" "$state/agent.json.part" "$state/ca.pem" "$state/ca.pem.part"
    rm -f "$state/agent.log" "$state/machine" "$state/machine.part" "$state"/metrics.jsonl "$state"/metrics.jsonl.*
    for name in collected logs probes; do rm -f "$state/$name.json" "$state/$name.json.part"; done
    if [ -L "$state" ]; then rm -f "$state"; fi
    rmdir "$code" "$state" 2>/dev/null || :
    if [ "$found" = no ]; then
        echo "There is no agent in $state. If it was installed elsewhere, run this as the user who did it, or name its folder in WATCHKEEPER_AGENT_HOME."
        return
    fi
    echo "The agent is removed from this machine. Remove the server in Watchkeeper as well if it is gone for good."
}

main() {
    arguments "$@"
    places
    if [ "$uninstall" = yes ]; then
        remove
        return
    fi
    [ -n "$url" ] && [ -n "$token" ] || fail "--url and --token are needed. Copy the whole line from Add server."
    find_python
    check_platform
    unpack
    if [ "$service" = launchd ]; then launchd_folder; fi
    enrol
    case $service in
        yes) start_service ;;
        launchd) start_launchd ;;
        *) start_background ;;
    esac
}

# All of it is read before any of it runs: a download that was cut off does nothing.
main "$@"
