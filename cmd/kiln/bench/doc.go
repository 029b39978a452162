// Package bench is the load generator behind the published figures: it starts the real server and
// bare references as processes of their own, loads invented records and reports ratios measured in
// one run, interleaved, as medians. docs/performance.md explains each row.
package bench
