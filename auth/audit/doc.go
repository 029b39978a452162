// Package audit keeps who did what, when, to whose record, and with what outcome: for every create, read, update,
// delete and query, each sign-in, token, denial, break-glass and act of administration, one event for each patient
// disclosed. The log only grows.
//
// An event goes through three places:
//
//	waiting    in memory for reads, at most Options.Flush long; for writes a record in the transaction of the change itself,
//	           so that no change lands without its event
//	the log    chunks of events in records (bucket "audit", keys "chunk/…"), each with a SHA-256 over itself and the
//	           chunk before: what is changed, taken away or put in between later does not fit (Check)
//	AuditEvent resources made from the chunks when nothing else is to do, and before anybody looks for them; profiles of
//	           IHE BALP (https://profiles.ihe.net/ITI/BALP/). Their ids are the places in the log, so that each is made once
//
// The cost of a read is thus an append in memory and its share of a chunk; that of a write one record more.
//
// A chain tells of changes only to who knows how it ended: Head is for keeping elsewhere.
package audit
