#!/usr/bin/env bash
# Runs the tests that have to do with MongoDB on the server that KILN_TEST_MONGODB names, and prints a table: package,
# passed, failed, skipped, seconds. Without the variable they run on FerretDB. It ends with 1 if anything failed.
#
#   KILN_TEST_MONGODB='mongodb://mongo1:27017,mongo2:27018,mongo3:27019/?replicaSet=rs0' docs/examples/mongodb/suite.sh
#   docs/examples/mongodb/suite.sh ./store/mongodb -run TestStore/Commit     # a package, with what go test takes
set -uo pipefail
cd "$(dirname "$0")/../../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

tests() { go test -count=1 -timeout 2h -json "$@" 2>&1 | tee -a "$log" | sed -n 's/.*"Action":"output".*"Output":"\( *--- FAIL: [^\\]*\).*/\1/p'; }

if [ $# -gt 0 ]; then
  tests "$@"
else
  tests ./store/mongodb/...
  tests ./store/lease
  tests ./fhir -engines mongodb
  tests ./fhir/rest
  tests ./cmd/kiln -run "^($(sed -n 's/^func \(Test[A-Za-z]*\).*/\1/p' cmd/kiln/mongodb_test.go | paste -sd '|'))\$"
fi

awk '
  function of(name,  s) { s = $0; if (!sub(".*\"" name "\":\"?", "", s)) return ""; sub("[\",}].*", "", s); return s }
  { action = of("Action"); package = of("Package") }
  !/^{/ || action == "build-fail" { print > "/dev/stderr"; next }
  package == "" || action !~ /^(pass|fail|skip)$/ { next }
  /"Test":/ { count[package, action]++; next }
  { order[++n] = package; seconds[package] += of("Elapsed"); if (action == "fail") broken[package] = 1 }
  END {
    printf "%-28s %8s %8s %8s %8s\n", "package", "passed", "failed", "skipped", "seconds"
    for (i = 1; i <= n; i++) {
      p = order[i]; failed = count[p, "fail"] + 0
      if (broken[p] && !failed) failed = "broken"
      printf "%-28s %8d %8s %8d %8.1f\n", p, count[p, "pass"], failed, count[p, "skip"], seconds[p]
      if (broken[p]) worst = 1
    }
    exit worst || !n
  }' "$log"
