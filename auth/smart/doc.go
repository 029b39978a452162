// Package smart is the protocol of the authorization server: SMART App Launch 2.2
// (https://hl7.org/fhir/smart-app-launch/STU2.2/), OpenID Connect, and OAuth 2 with its best current practice
// (https://www.rfc-editor.org/rfc/rfc9700). It has neither HTTP nor storage in it: a decision is a function of a request as it
// was sent, what is kept, and the time. Package server keeps and answers.
//
//	authorize   AuthorizeRequest.Check says what is wrong and who may hear of it; Authorization.Next says what is to be done
//	            before a code: sign in, choose a patient, consent. Decide makes of a consent the scopes that are granted
//	token       Code.Redeem, Grant.Refresh and the checks of clients say whether tokens are issued, and what ends by the try
//	documents   Configuration and its parts for discovery, IDToken, Introspection
//	clients     Client.CheckAssertion and CheckSecret authenticate; Register judges a self-registration
//
// Whatever is refused is an *Error of OAuth: a code of the specification and a sentence for whoever writes the app.
package smart
