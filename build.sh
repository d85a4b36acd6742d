#!/usr/bin/env bash
# One place for what one does to this repository. ./build.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
usage: ./build.sh COMMAND

  check              format, build and all tests
  test               build and tests, but for the few that take long; the last line counts them
  long               the tests that take long: more ways to train on several devices, faults in a running app
  goldens            only the golden tests: on what they compute themselves, and on the folder that LORA_GOLDENS names
                     (default ../shared/goldens, where that is)
  gpu-tests          the CUDA kernels' tests, on the first GPU and with the libtorch that LORA_LIBTORCH names; fails where there is none
  clients            clients that others wrote (npm's openai, ai, @langchain/openai, ollama) against the chat service; skipped in words
                     where there is no node
  docs               writes docs/options.md anew, from the records of options
  watch [WORD]       tests of LoraAspire.Tests, of classes whose name holds WORD, again whenever a file changes
  platforms          builds for Windows and macOS too: compiled only, nothing is run
  bench NAME [ARGS]  one benchmark in Release; its last line is one JSON object
  bench              the names of the benchmarks
  faults [--short]   what may happen to a running app, cell by cell: a process killed or stopped, a disk full, a file damaged,
                     an entry that nobody of ours wrote; its last line is one JSON object (Linux; --list, --only WORD)
  fuzz [--inputs N]  damaged and forged inputs for every reader, N (1000) for each; its last line is one JSON object
TEXT
}

# What can't be provided is said before the build, not after it.
require() {
    require_dotnet
    command -v apt-get >/dev/null && return
    command -v redis-server >/dev/null || command -v valkey-server >/dev/null ||
        fail "No redis-server or valkey-server on the PATH, and no apt-get to unpack one with: install Redis (macOS: brew install redis)"
    for browser in chromium chromium-browser google-chrome google-chrome-stable microsoft-edge; do
        command -v "$browser" >/dev/null && return
    done
    [ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Microsoft Edge.app" ] ||
        fail "No browser for the tests of the pages, and no apt-get to unpack one with: install Chromium, Chrome or Edge"
}

require_dotnet() {
    command -v dotnet >/dev/null || fail "No dotnet on the PATH: install the .NET SDK 10, https://dotnet.microsoft.com/download"
}

fail() {
    echo "$1" >&2
    exit 1
}

build() {
    require_dotnet
    echo "Restoring and building ..."
    dotnet build "${1:-LoraAspire.sln}" -v quiet --nologo
}

platforms() {
    local rid project
    for rid in win-x64 osx-arm64; do
        for project in LoraAspire.AppHost services/LoraAspire.Cli; do
            echo "Building $project for $rid ..."
            dotnet build "$project" -r "$rid" -v quiet --nologo
        done
    done
}

# Runs each test project, one after another since they share the cores, then counts from the result files: a project that
# did not run is a failure, not a silence. What was skipped and what failed is told once more at the end, where one looks.
projects="LoraAspire.Tests LoraAspire.ExportTests LoraAspire.RedisTests LoraAspire.EndToEndTests"
run_tests() {
    local results="$PWD/TestResults" failed=0 name program
    rm -rf "$results" && mkdir -p "$results"
    for name in $projects; do
        echo "Running $name ..."
        for program in "tests/$name/bin/Debug/net10.0"/*/"$name"; do
            "$program" -noColor -result-trx "$results/$name.trx" "$@" | tee "$results/$name.log" | without_skipped || failed=1
        done
    done
    tell_skipped "$results" && tell_failed "$results"
    local passed=0 bad=0 skipped=0 files=0 line p f t
    while IFS= read -r line; do
        t=$(sed -E 's/.* total="([0-9]+)".*/\1/' <<<"$line")
        p=$(sed -E 's/.* passed="([0-9]+)".*/\1/' <<<"$line")
        f=$(sed -E 's/.* failed="([0-9]+)".*/\1/' <<<"$line")
        passed=$((passed + p)) bad=$((bad + f)) skipped=$((skipped + t - p - f)) files=$((files + 1))
    done < <(grep -rhoE '<Counters [^>]*>' "$results" --include='*.trx' 2>/dev/null || true)
    if [ "$files" -eq 0 ]; then
        failed=1
    fi
    echo "$passed passed, $bad failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ "$bad" -eq 0 ] && [ "$passed" -gt 0 ]
}

without_skipped() { sed -u -e '/\[SKIP\]$/{N;d' -e '}'; }

tell_skipped() {
    grep -hA1 '\[SKIP\]$' "$1"/*.log | grep -vE '\[SKIP\]$|^--$' | sort | uniq -c | sed -E 's/^ *([0-9]+) +/\1 skipped: /' || true
}

tell_failed() {
    awk '/\[FAIL\]$/ { left = 12 } /\[SKIP\]$|^  [A-Z]/ { left = 0 } left-- > 0 { print substr($0, 1, 300) }' "$1"/*.log
}

case "${1:-}" in
    check)
        require
        dotnet format LoraAspire.sln --verify-no-changes --severity warn
        build
        run_tests
        ;;
    test)
        require
        build
        run_tests -trait- "Category=Long"
        ;;
    long)
        require
        build
        projects="LoraAspire.Tests LoraAspire.EndToEndTests"
        run_tests -trait "Category=Long"
        ;;
    goldens)
        [ -z "${LORA_GOLDENS:-}" ] || [ -d "$LORA_GOLDENS" ] || fail "no folder $LORA_GOLDENS: set LORA_GOLDENS to a folder of golden cases, or to nothing"
        projects=LoraAspire.Tests
        build tests/LoraAspire.Tests
        run_tests -trait "Category=Goldens"
        ;;
    gpu-tests)
        [ -n "${LORA_LIBTORCH:-}" ] || fail "LORA_LIBTORCH is not set: the packages have libtorch for the CPU alone. Name the lib folder of one with CUDA"
        projects=LoraAspire.Tests
        build tests/LoraAspire.Tests
        run_tests -trait "Category=Gpu" || fail "No test of a kernel passed: see above (a test that finds no GPU says so and is skipped)"
        ;;
    clients)
        if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
            echo "Skipped: the clients of tests/clients run on Node.js 22 or 20, and there is no node with npm on the PATH."
            exit 0
        fi
        build services/LoraAspire.Chat
        cd tests/clients
        [ -d node_modules/openai ] || npm install --no-audit --no-fund --no-package-lock
        LORA_CHAT_PROGRAM=$(echo "$OLDPWD"/services/LoraAspire.Chat/bin/Debug/net10.0/*/LoraAspire.Chat) npm test
        ;;
    docs)
        projects=LoraAspire.Tests
        build tests/LoraAspire.Tests
        LORA_WRITE_DOCS=1 run_tests -class "*.OptionReferenceTests"
        ;;
    watch)
        exec dotnet watch --project tests/LoraAspire.Tests --no-hot-reload run -- -noLogo -class "*${2:-}*"
        ;;
    platforms)
        platforms
        ;;
    bench)
        shift
        exec dotnet run -c Release --project benchmarks/LoraAspire.Benchmarks -- "${@:---help}"
        ;;
    faults)
        shift
        require
        build
        exec dotnet run --no-build --project benchmarks/LoraAspire.Faults -- "$@"
        ;;
    fuzz)
        shift
        exec dotnet run -c Release --project benchmarks/LoraAspire.Fuzz -- "$@"
        ;;
    -h | --help | help)
        usage
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac
