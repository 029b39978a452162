// Package federation lets people sign in by way of OpenID providers, such as a hospital's own
// (https://openid.net/specs/openid-connect-core-1_0.html). It reads the file that names them, knows which can be reached, sends
// people there and makes of what a provider says of a person an Identity: what the file lets it say, and nothing above. Which
// account that is, is decided by auth/smart/server; nothing is stored here.
//
// Identities are held against the file in load.go and identity.go, without the network; providers.go, discovery.go and signin.go talk to
// the providers, through a client that goes nowhere but where the file leads (client.go).
package federation
