
# From here on all hooks are alike. Needs sh, curl, openssl, and awk, mktemp, sed, tr of any POSIX system.

umask 077
LC_ALL=C
PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin
export LC_ALL PATH

# Seconds for which the server is asked, and tenths of seconds for which the push waits for that.
TOTAL=60
WAIT=100

say() { printf 'gantry: %s\n' "$1"; }

# A printf that is a program of its own would show the key to everyone who lists processes.
[ "$(command -v printf)" = printf ] || { say 'this sh has no printf of its own: run the hook with dash or bash'; exit 0; }
for tool in awk curl mktemp openssl sed tr; do
    command -v "$tool" >/dev/null || { say "$tool is missing here, the server was not told of this push"; exit 0; }
done

dir=$(mktemp -d) || { say 'no temporary directory, the server was not told of this push'; exit 0; }

quote() { printf '"%s"' "$(printf '%s' "$1" | tr '\001-\037\177' ' ' | sed 's/[\\"]/\\&/g')"; }

options() {
    count=${GIT_PUSH_OPTION_COUNT:-0}
    case $count in *[!0-9]*) count=0 ;; esac
    i=0
    while [ "$i" -lt "$count" ]; do
        [ "$i" -eq 0 ] || printf ','
        eval "option=\${GIT_PUSH_OPTION_$i-}"
        quote "$option"
        i=$((i + 1))
    done
}

body() {
    printf '{"before":"%s","after":"%s","ref":%s,' "$1" "$2" "$(quote "$3")"
    printf '"repository":{"full_name":%s},"pusher":{"name":%s},' "$(quote "$slug")" "$(quote "$pusher")"
    printf '"push_options":[%s],' "$(options)"
    printf '"delivery":{"id":"%s","time":%s}}' "$(openssl rand -hex 16)" "$(date +%s)"
}

# HMAC-SHA256 by its definition: openssl's own would want the key as an argument.
sign() {
    digest=$({ outer_pad; { inner_pad; cat "$1"; } | openssl dgst -sha256 -binary; } | openssl dgst -sha256 -r)
    printf 'sha256=%s' "${digest%% *}"
}

post() {
    curl -q --silent --show-error --connect-timeout 10 --max-time "$left" --max-filesize 4194304 \
        --header 'Content-Type: application/json' --header 'X-Gantry-Event: push' --header 'Expect:' \
        --header "X-Hub-Signature-256: $(sign "$dir/body")" --data-binary "@$dir/body" \
        --output "$dir/answer" --write-out '%{http_code}' --url "$url/hook" </dev/null 2>"$dir/why"
}

# The unquoted values of one key of the answer, the first one unless more are wanted; a string's own quotes are escaped
# and do not match.
answer() {
    tr '\001-\037\177' ' ' <"$dir/answer" | awk -v key="$1" -v most="${2:-1}" '
        { text = text $0 " " }
        END {
            while (most-- > 0 && match(text, "[{,] *\"" key "\" *: *([0-9]+|\"([^\"\\\\]|\\\\.)*\")")) {
                value = substr(text, RSTART, RLENGTH)
                text = substr(text, RSTART + RLENGTH)
                sub("^[{,] *\"" key "\" *: *", "", value)
                gsub(/^"|"$/, "", value)
                gsub(/\\[nrt]/, " ", value)
                gsub(/\\"/, "\"", value)
                print substr(value, 1, 300)
            }
        }'
}

# Why each pipeline was not started: the messages of the errors of the answer, which follow the message of all.
reasons() {
    answer message 21 | sed 1d | while IFS= read -r reason; do
        [ "$reason" = "$why" ] || say "  $reason"
    done
}

explain() {
    number=$(answer number)
    why=$(answer message)
    case $1 in
    200)
        if [ -n "$number" ] && [ "$(answer status)" = error ]; then
            say "build $number of $slug failed: $(answer error): $url/$slug/$number"
        elif [ -n "$number" ]; then
            say "build $number of $slug started: $url/$slug/$number"
        else
            say "$2 started no build${why:+: $why}"
            reasons
        fi
        ;;
    202) say "$2 was accepted${why:+: }${why:-, its build starts soon}" ;;
    204) say "$2 started no build" ;;
    *) say "$2 started no build: ${why:-the server answered $1}" ;;
    esac
}

# Post the body until the server answers. The push does not wait after the first attempt that fails.
ask() {
    pause=1
    while left=$((end - $(date +%s))) && [ "$left" -ge "$pause" ]; do
        : >"$dir/answer"
        : >"$dir/why"
        if ! status=$(post); then
            why=$(sed -n 1p "$dir/why" | tr '\001-\037\177' ' ')
        else
            case $status in
            408 | 425 | 429 | 5??) why=$(answer message) && why=${why:-the server answered $status} ;;
            *) return 0 ;;
            esac
        fi
        [ "$((end - $(date +%s)))" -gt "$pause" ] || return 1
        [ -e "$dir/told" ] || say "$url does not answer: $why; it is asked again for $TOTAL s"
        : >"$dir/told"
        sleep "$pause"
        pause=$((pause < 8 ? pause * 2 : 8))
    done
    return 1
}

# Tells the server of every line, in order. git must not end this process with the push, nor wait for it.
work() {
    trap '' HUP INT PIPE TERM
    end=$(($(date +%s) + TOTAL))
    while read -r before after ref; do
        body "$before" "$after" "$ref" >"$dir/body"
        if ask; then
            explain "$status" "$ref"
        else
            say "$url was not told of $ref and what follows it: $why"
            break
        fi
    done <"$dir/lines"
    : >"$dir/told"
    : >"$dir/over"
    [ ! -e "$dir/left" ] || rm -rf "$dir"
}

# The push waits no more. Whoever is last, the push or the work, removes the directory.
leave() {
    : >"$dir/left"
    [ ! -e "$dir/over" ] || rm -rf "$dir"
    exit 0
}

pusher=${GL_USERNAME:-${GITEA_PUSHER_NAME:-${REMOTE_USER:-${USER:-${LOGNAME:-}}}}}
cat >"$dir/lines"
[ -s "$dir/lines" ] || { rm -rf "$dir"; exit 0; }
trap leave HUP INT PIPE TERM
# With `exec`, as the shell would keep the files of a redirected function open, and git would wait for them.
(exec </dev/null >"$dir/said" 2>/dev/null && work) &
tick=0
while [ ! -e "$dir/told" ] && [ "$tick" -lt "$WAIT" ]; do
    sleep 0.1 2>/dev/null || { sleep 1 && tick=$((tick + 9)); }
    tick=$((tick + 1))
done
cat "$dir/said"
[ -e "$dir/told" ] || say "$url has not answered yet; it is asked for $TOTAL s in all"
leave
