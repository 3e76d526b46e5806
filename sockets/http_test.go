package sockets

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// serve runs an HTTP server on l until the test ends.
func serve(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); <-done })
}

func TestHTTP(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	l, err := b.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello ", r.URL.Path) }))
	tr := &http.Transport{DialContext: a.DialContext}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	for _, host := range []string{"10.0.0.2", "[fd00::2]"} {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				r, err := c.Get(fmt.Sprintf("http://%s/%d", host, i))
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Body.Close()
				if body, _ := io.ReadAll(r.Body); string(body) != fmt.Sprintf("hello /%d", i) {
					t.Errorf("body %q", body)
				}
			})
		}
		wg.Wait()
	}
}

func TestTLSAndHTTP2(t *testing.T) {
	a, b := newPair(t, 1500, HostConfig{})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"b.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)

	l, err := b.Listen("tcp", ":443")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	}
	done := make(chan struct{})
	go func() { defer close(done); srv.ServeTLS(l, "", "") }()
	defer func() { srv.Close(); <-done }()

	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return a.DialContext(ctx, network, "10.0.0.2:443")
		},
		TLSClientConfig:   &tls.Config{RootCAs: pool},
		ForceAttemptHTTP2: true,
	}
	defer tr.CloseIdleConnections()
	r, err := (&http.Client{Transport: tr}).Get("https://b.test/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || string(body) != "HTTP/2.0" || r.TLS.Version != tls.VersionTLS13 {
		t.Errorf("body %q, %v, TLS %#x; want HTTP/2.0 over TLS 1.3", body, err, r.TLS.Version)
	}
}
