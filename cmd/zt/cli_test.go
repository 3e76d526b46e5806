package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", "Available Commands:"},
		{"--help", "demo "},
		{"help", "Exit codes: 0 success"},
		{"help identity new", "--out file"},
		{"demo --help", "--processes"},
		{"demo -h", "Exit codes: 0 the file arrived whole"},
		{"identity", "validate"},
		{"identity validate --help", "zt identity validate IDENTITY"},
		{"completion", "powershell"},
	} {
		p := runZT(t, 0, strings.Fields(test.args)...)
		p.contains(p.out, test.want, "Usage:")
		if strings.Contains(p.out.String(), "demo-node") {
			t.Errorf("zt %s shows the hidden command", test.args)
		}
	}
}

func TestVersion(t *testing.T) {
	p := runZT(t, 0, "version")
	p.contains(p.out, "zt "+version, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	var v versionInfo
	if err := json.Unmarshal([]byte(runZT(t, 0, "version", "--json").out.String()), &v); err != nil || v.Version != version {
		t.Errorf("version %+v, %v, want %s", v, err, version)
	}
}

func TestMistypedSuggests(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"dmeo", `unknown command "dmeo" for "zt"; did you mean "demo"?`},
		{"idenity new", `did you mean "identity"?`},
		{"identity nwe", `unknown command "nwe" for "zt identity"; did you mean "new"?`},
		{"identity valid", `did you mean "validate"?`},
		{"help identity pubilc", `did you mean "public"?`},
		{"help vresion", `did you mean "version"?`},
		{"hepl", `did you mean "help"?`},
		{"completion bsah", `did you mean "bash"?`},
		{"demo --lsos 5", "unknown flag: --lsos; did you mean --loss?"},
		{"version --jsn", "did you mean --json?"},
		{"xyzzy", `unknown command "xyzzy" for "zt"` + "\nRun 'zt --help' for the commands"},
		{"version now", "zt version takes no arguments"},
	} {
		p := runZT(t, exitUsage, strings.Fields(test.args)...)
		p.contains(p.err, test.want, " --help'")
		if s := p.out.String(); s != "" {
			t.Errorf("zt %s: standard output: %s", test.args, s)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"demo", "identity", "version", "json", "loss"}
	for in, want := range map[string]string{
		"demo": "demo", "de": "demo", "domo": "demo", "deemo": "demo", "dmo": "demo", "edmo": "demo", "lsos": "loss",
		"ident": "identity", "idemtitty": "identity", "": "", "v": "", "zebra": "", "abcd": "",
	} {
		if got := nearest(names, in); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	secret := strings.TrimSpace(runZT(t, 0, "identity", "new").out.String())
	parts := strings.Split(secret, ":")
	if len(parts) != 4 {
		t.Fatalf("identity new printed %q, want address:0:public:secret", secret)
	}
	public := strings.Join(parts[:3], ":")
	file := filepath.Join(dir, "identity.secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdin := func(text string, args ...string) *program {
		cmd := exec.Command(zt, args...)
		cmd.Stdin = strings.NewReader(text)
		p := startCmd(t, cmd)
		p.wait(0)
		return p
	}
	for _, p := range []*program{
		runZT(t, 0, "identity", "public", file), runZT(t, 0, "identity", "public", secret), runZT(t, 0, "identity", "public", public),
		stdin(secret+"\n", "identity", "public", "-"),
	} {
		if got := p.out.String(); got != public+"\n" {
			t.Errorf("%v printed %q, want %q", p.cmd.Args[1:], got, public)
		}
	}
	for _, p := range []*program{
		runZT(t, 0, "identity", "validate", file), runZT(t, 0, "identity", "validate", public), stdin(public, "identity", "validate", "-"),
	} {
		if got := p.out.String(); got != parts[0]+" is valid\n" {
			t.Errorf("%v printed %q, want that %s is valid", p.cmd.Args[1:], got, parts[0])
		}
	}
}

func TestIdentityOut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "identity.secret")
	public := runZT(t, 0, "identity", "new", "--out", file).out.String()
	if got := runZT(t, 0, "identity", "public", file).out.String(); got != public || strings.Count(got, ":") != 2 {
		t.Errorf("the file has the identity %q, but %q was printed", got, public)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v, want 0600", info.Mode(), err)
	}
	p := runZT(t, exitFailed, "identity", "new", "-o", file)
	p.contains(p.err, "exists already: an identity is never overwritten")
}

func TestIdentityWrong(t *testing.T) {
	const good = "0a0146a310:0:3fcc58e4d01b12c2209f69b8f343825128d94d90923c717d56ff1c83fedaaf3d6e8637b8000036f53791cb1de6069dd50f8625051ee1f8def90e5f1ab577c799"
	p := runZT(t, 0, "identity", "validate", good)
	p.contains(p.out, "0a0146a310 is valid")
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("no identity"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arg, want string
		code      int
	}{
		{"1b" + good[2:], "identity 1b0146a310 is not valid: the address does not follow from the public keys", exitFailed},
		{good[:40], "reading an identity from the argument: ", exitFailed},
		{good + "zz", "of the form address:0:public", exitFailed},
		{"nofile", `"nofile" is neither the text of an identity (address:0:public) nor a file`, exitFailed},
		{garbage, "reading an identity from " + garbage, exitFailed},
		{"-", "reading an identity from standard input", exitFailed},
		{"", "the identity is empty", exitUsage},
	} {
		p := runZT(t, test.code, "identity", "validate", test.arg)
		p.contains(p.err, "zt: ", test.want)
	}
	p = runZT(t, exitUsage, "identity", "public")
	p.contains(p.err, "takes one identity: its text, a file that holds it, or - for standard input")
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := runZT(t, 0, "completion", shell).out.String()
		if !strings.Contains(script, "__complete") {
			t.Errorf("completion %s does not ask zt: %s", shell, script)
		}
		path, err := exec.LookPath(shell)
		if err != nil || shell == "powershell" {
			t.Logf("%s is not installed: its syntax is not checked", shell)
			continue
		}
		cmd := exec.Command(path, "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s does not accept the script: %v\n%s", shell, err, out)
		}
	}
}

// TestCompletion asks what the shells' scripts ask. Directive 4 means no file names, 0 file names.
func TestCompletion(t *testing.T) {
	for _, test := range []struct {
		words     []string
		want      string // among the answers
		directive string
	}{
		{[]string{"de"}, "demo\t", ":4"},
		{[]string{"identity", ""}, "validate\t", ":4"},
		{[]string{"help", "identity", ""}, "new\t", ":4"},
		{[]string{"demo", "--pro"}, "--processes\t", ":4"},
		{[]string{"demo", "--mtu", ""}, "2800\n", ":4"},
		{[]string{"demo", "--file", ""}, "", ":0"},
		{[]string{"demo", "--pcap", ""}, "", ":0"},
		{[]string{"demo", ""}, "", ":4"},
		{[]string{"identity", "public", ""}, "", ":0"},
		{[]string{"identity", "public", "x", ""}, "", ":4"},
		{[]string{"identity", "new", "--out", ""}, "", ":0"},
		{[]string{"completion", "p"}, "powershell\t", ":4"},
	} {
		p := runZT(t, 0, append([]string{"__complete"}, test.words...)...)
		p.contains(p.out, test.want)
		if !strings.HasSuffix("\n"+p.out.String(), "\n"+test.directive+"\n") {
			t.Errorf("%q completes with\n%swant directive %s", test.words, p.out, test.directive)
		}
		if strings.Contains(p.out.String(), "demo-node") {
			t.Errorf("%q completes to the hidden command", test.words)
		}
	}
}
