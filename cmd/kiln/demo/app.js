// A SMART app without a library: standalone launch, or launch from an EHR, with PKCE.
// https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
const client = 'demo-app';
const base = location.origin + '/fhir';
const redirect = location.origin + '/demo/';
const wanted = 'openid fhirUser patient/Patient.r patient/Observation.rs';

const said = document.getElementById('said');
const button = document.getElementById('connect');

function random(bytes) {
  return encode(crypto.getRandomValues(new Uint8Array(bytes)));
}

function encode(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

async function json(address, options) {
  const answer = await fetch(address, options);
  const body = await answer.json();
  if (!answer.ok) {
    throw new Error(body.error_description ?? body.issue?.[0]?.diagnostics ?? `${address} answered ${answer.status}`);
  }
  return body;
}

const configuration = () => json(base + '/.well-known/smart-configuration', { headers: { Accept: 'application/json' } });

async function authorize(launch) {
  const { authorization_endpoint } = await configuration();
  const kept = { state: random(16), verifier: random(32) };
  sessionStorage.setItem(client, JSON.stringify(kept));
  const challenge = encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(kept.verifier))));
  const query = new URLSearchParams({
    response_type: 'code', client_id: client, redirect_uri: redirect, aud: base, state: kept.state,
    scope: (launch ? 'launch ' : 'launch/patient ') + wanted, code_challenge: challenge, code_challenge_method: 'S256',
  });
  if (launch) {
    query.set('launch', launch);
  }
  location.assign(authorization_endpoint + '?' + query);
}

async function redeem(answer) {
  const kept = JSON.parse(sessionStorage.getItem(client) ?? '{}');
  sessionStorage.removeItem(client);
  history.replaceState(null, '', '/demo/');
  if (!kept.state || answer.get('state') !== kept.state) {
    throw new Error('This answer belongs to no request of this window. Sign in once more.');
  }
  if (answer.has('error')) {
    throw new Error(answer.get('error_description') ?? answer.get('error'));
  }
  const found = await configuration();
  if (answer.get('iss') !== found.issuer) {
    throw new Error('This answer comes from another server than the one that was asked.');
  }
  return json(found.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', client_id: client, redirect_uri: redirect, code: answer.get('code'), code_verifier: kept.verifier,
    }),
  });
}

async function show(token) {
  const ask = (path) => json(base + '/' + path, { headers: { Authorization: 'Bearer ' + token.access_token, Accept: 'application/fhir+json' } });
  const patient = await ask('Patient/' + token.patient);
  const name = patient.name?.[0] ?? {};
  document.getElementById('patient').textContent = [...(name.given ?? []), name.family].filter(Boolean).join(' ') + ', born ' + (patient.birthDate ?? '(unknown)');
  const found = await ask('Observation?' + new URLSearchParams({ patient: token.patient, category: 'vital-signs', _sort: '-date', _count: '100' }));
  const latest = new Map();
  for (const { resource } of found.entry ?? []) {
    if (resource.resourceType === 'Observation' && !latest.has(resource.code.text)) {
      latest.set(resource.code.text, resource);
    }
  }
  const rows = document.querySelector('#vitals tbody');
  for (const [what, observation] of latest) {
    const quantity = observation.valueQuantity ?? {};
    const row = rows.insertRow();
    for (const text of [what, `${quantity.value ?? ''} ${quantity.unit ?? ''}`, new Date(observation.effectiveDateTime).toLocaleString()]) {
      row.insertCell().textContent = text;
    }
  }
  document.getElementById('vitals').hidden = false;
  said.textContent = latest.size > 0 ? `The latest of each, for ${token.scope.split(' ').length} scopes that were allowed.` : 'There are no vital signs.';
  button.textContent = 'Another patient';
}

function failed(error) {
  said.textContent = error.message;
}

button.addEventListener('click', () => authorize(null).catch(failed));

const answer = new URLSearchParams(location.search);
if (answer.has('code') || answer.has('error')) {
  redeem(answer).then(show).catch(failed);
} else if (answer.has('launch')) {
  if (answer.get('iss') === base) {
    authorize(answer.get('launch')).catch(failed);
  } else {
    failed(new Error('This app is for the server that it comes from alone.'));
  }
}
