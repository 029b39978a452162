package account

// CheapHashes makes passwords cost little, for tests that are not about their cost.
func CheapHashes(o Options) Options {
	o.cost = cost{memory: 64, passes: 1, threads: 1}
	return o
}
