// Passkeys: the one thing on these pages that needs a script. Without it the rest works as before.
'use strict';
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const descriptors = (list) => (list || []).map((d) => ({ ...d, id: bytes(d.id) }));
  const send = async (path, body) => {
    const answer = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF': document.querySelector('input[name=csrf]').value }, body });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.problem);
    return said;
  };
  const ceremonies = {
    get: async (button) => {
      const { publicKey } = await send('/auth/passkey/ask');
      publicKey.challenge = bytes(publicKey.challenge);
      publicKey.allowCredentials = descriptors(publicKey.allowCredentials);
      const made = await navigator.credentials.get({ publicKey });
      const r = made.response;
      const said = await send('/auth/passkey/use?' + new URLSearchParams({ next: button.dataset.next }), JSON.stringify({
        id: made.id, rawId: text(made.rawId), type: made.type,
        response: { authenticatorData: text(r.authenticatorData), clientDataJSON: text(r.clientDataJSON), signature: text(r.signature), userHandle: r.userHandle ? text(r.userHandle) : null },
      }));
      location.assign(said.next);
    },
    create: async () => {
      const { publicKey } = await send('/auth/passkey/offer');
      publicKey.challenge = bytes(publicKey.challenge);
      publicKey.user.id = bytes(publicKey.user.id);
      publicKey.excludeCredentials = descriptors(publicKey.excludeCredentials);
      const made = await navigator.credentials.create({ publicKey });
      await send('/auth/passkey/add', JSON.stringify({
        id: made.id, rawId: text(made.rawId), type: made.type,
        response: { attestationObject: text(made.response.attestationObject), clientDataJSON: text(made.response.clientDataJSON) },
      }));
      location.reload();
    },
  };
  for (const button of document.querySelectorAll('[data-passkey]')) {
    const status = button.parentElement.querySelector('[role=status]');
    button.parentElement.hidden = false;
    button.addEventListener('click', async () => {
      status.textContent = '';
      try { await ceremonies[button.dataset.passkey](button); } catch (e) { status.textContent = e.message || 'That did not work.'; }
    });
  }
})();
