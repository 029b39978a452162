package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// issue writes a certificate with a serial number and its key into a folder.
func issue(t *testing.T, dir string, serial int64) (chain, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "kiln.example.org"}, DNSNames: []string{"kiln.example.org"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	chain, key = filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{chain: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		// The clock of the file system may be coarser than two writes are apart.
		when := time.Now().Add(time.Duration(serial) * time.Second)
		if err := os.Chtimes(name, when, when); err != nil {
			t.Fatal(err)
		}
	}
	return chain, key
}

func TestACertificateIsRenewedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	chain, key := issue(t, dir, 1)
	c, err := newCertificate(chain, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	served := func() int64 {
		c.mutex.Lock()
		c.looked = time.Time{}
		c.mutex.Unlock()
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(got.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	if n := served(); n != 1 {
		t.Errorf("certificate %d is served, want 1", n)
	}
	issue(t, dir, 2)
	if n := served(); n != 2 {
		t.Errorf("certificate %d is served after the renewal, want 2", n)
	}
	if err := os.WriteFile(chain, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := served(); n != 2 {
		t.Errorf("certificate %d is served while the files are broken, want 2", n)
	}
	if _, err := newCertificate(chain, key, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a broken certificate is taken at the start")
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	chain, key := issue(t, t.TempDir(), 1)
	c, err := newCertificate(chain, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for version, works := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		ours, theirs := net.Pipe()
		go func() { _ = tls.Server(ours, c.config()).HandshakeContext(t.Context()) }()
		client := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}) //nolint:gosec // old versions are what is tried
		_ = client.SetDeadline(time.Now().Add(10 * time.Second))
		if err := client.HandshakeContext(t.Context()); (err == nil) != works {
			t.Errorf("%s: %v; works should be %t", tls.VersionName(version), err, works)
		}
		_ = theirs.Close()
		_ = ours.Close()
	}
}
