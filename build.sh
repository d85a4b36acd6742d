#!/usr/bin/env bash
# One place for what one does to this repository. ./build.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
usage: ./build.sh COMMAND

  check              format, build and all tests
  test               build and all tests; the last line counts them
  goldens            only the golden tests, on the folder that LORA_GOLDENS names (default ../shared/goldens)
  bench NAME [ARGS]  one benchmark in Release; its last line is one JSON object
  bench              the names of the benchmarks
  fuzz [--inputs N]  damaged and forged inputs for every reader, N (1000) for each; its last line is one JSON object
TEXT
}

build() {
    dotnet build LoraAspire.sln -v quiet --nologo
}

# Runs each test project, one after another since they share the cores, then counts from the result files: a project that
# did not run is a failure, not a silence.
run_tests() {
    local results="$PWD/TestResults" failed=0 project name
    rm -rf "$results" && mkdir -p "$results"
    for project in tests/*/*.csproj; do
        name=$(basename "$project" .csproj)
        "tests/$name/bin/Debug/net10.0/linux-x64/$name" -result-trx "$results/$name.trx" "$@" || failed=1
    done
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

case "${1:-}" in
    check)
        dotnet format LoraAspire.sln --verify-no-changes --severity warn
        build
        run_tests
        ;;
    test)
        build
        run_tests
        ;;
    goldens)
        export LORA_GOLDENS="${LORA_GOLDENS:-$PWD/../shared/goldens}"
        [ -d "$LORA_GOLDENS" ] || { echo "no folder $LORA_GOLDENS: set LORA_GOLDENS to the folder of golden cases" >&2; exit 1; }
        build
        run_tests -trait "Category=Goldens"
        ;;
    bench)
        shift
        exec dotnet run -c Release --project benchmarks/LoraAspire.Benchmarks -- "${@:---help}"
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
