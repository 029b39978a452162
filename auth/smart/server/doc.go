// Package server is the HTTP edge of the authorization server: discovery, the endpoints of OAuth and OpenID for apps, the pages
// for people, and administration. What is allowed is decided in package smart and by the policy; who people are is known
// to package account. This package keeps state in records of the store (buckets auth-…) and answers.
//
// The pages are plain forms that work without a script; the one script there is serves passkeys. Every form carries a token
// that is bound to the browser, every page its own Content-Security-Policy.
package server
