
# From here on all hooks are alike. Needs sh, curl, openssl, and awk, mktemp, sed, tr of any POSIX system.

umask 077
LC_ALL=C
PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin
export LC_ALL PATH

say() { printf 'gantry: %s\n' "$1"; }

# A printf that is a program of its own would show the key to everyone who lists processes.
[ "$(command -v printf)" = printf ] || { say 'this sh has no printf of its own: run the hook with dash or bash'; exit 0; }
for tool in awk curl mktemp openssl sed tr; do
    command -v "$tool" >/dev/null || { say "$tool is missing here, the server was not told of this push"; exit 0; }
done

dir=$(mktemp -d) || { say 'no temporary directory, the server was not told of this push'; exit 0; }
trap 'rm -rf "$dir"' EXIT
trap 'exit 0' HUP INT PIPE TERM

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
    printf '"push_options":[%s]}' "$(options)"
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

# The unquoted value of one key of the answer; a string's own quotes are escaped and do not match.
answer() {
    tr '\001-\037\177' ' ' <"$dir/answer" | awk -v key="$1" '
        { text = text $0 " " }
        END {
            if (!match(text, "[{,] *\"" key "\" *: *([0-9]+|\"([^\"\\\\]|\\\\.)*\")")) exit
            value = substr(text, RSTART, RLENGTH)
            sub("^[{,] *\"" key "\" *: *", "", value)
            gsub(/^"|"$/, "", value)
            gsub(/\\[nrt]/, " ", value)
            gsub(/\\"/, "\"", value)
            print substr(value, 1, 300)
        }'
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
        fi
        ;;
    202) say "$2 was accepted, its build starts soon" ;;
    204) say "$2 started no build" ;;
    *) say "$2 started no build: ${why:-the server answered $1}" ;;
    esac
}

pusher=${GL_USERNAME:-${GITEA_PUSHER_NAME:-${REMOTE_USER:-${USER:-${LOGNAME:-}}}}}
end=$(($(date +%s) + 60))

while read -r before after ref; do
    left=$((end - $(date +%s)))
    body "$before" "$after" "$ref" >"$dir/body"
    : >"$dir/answer"
    if [ "$left" -gt 0 ] && status=$(post); then
        explain "$status" "$ref"
    else
        say "$url was not told of $ref and what follows it: $(sed -n 1p "$dir/why" | tr '\001-\037\177' ' ')"
        break
    fi
done
exit 0
