// Package account keeps the people who sign in: their names, ranks and means of proving who they are, and the
// sessions they are in.
//
//	people, err := account.New(account.Options{Records: engine.Records})
//	err = people.Add(ctx, account.Account{Name: "ada", Rank: "nurse", FHIRUser: "Practitioner/ada"}, "a long passphrase")
//	signed, err := people.SignIn(ctx, "ada", "a long passphrase", "")
//	token, session, err := people.Begin(ctx, signed)
//
// Everything lies in records of the store, so that several processes see the same: buckets "accounts", "handles",
// "attempts", "sessions" and "invitations". Passwords are kept as argon2id (https://www.rfc-editor.org/rfc/rfc9106), session tokens
// and recovery codes, which are random, as SHA-256. Secrets of one-time codes must be kept as they are
// (https://www.rfc-editor.org/rfc/rfc6238).
package account
