package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
)

// maxKeyFile bounds the secret of --key-file: what is larger is another file.
const maxKeyFile = 64 << 10

// checkKey refuses secrets that are none, and reads that of --key-file.
func (o *extraction) checkKey(f *pflag.FlagSet) error {
	switch {
	case f.Changed("key") && f.Changed("key-file"):
		return &problem{errors.New("--key and --key-file are two secrets"), "name one of them"}
	case (f.Changed("key") || f.Changed("key-file")) && !o.anonymize:
		return &problem{errors.New("--key maps addresses, and nothing asks for that"), "add --anonymize"}
	case f.Changed("key") && o.key == "":
		return &problem{errors.New("--key: an empty secret hides nothing"), "leave it out: then addresses are mapped at random"}
	case !f.Changed("key-file"):
		return nil
	}
	in, err := os.Open(o.keyFile)
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxKeyFile+1))
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	text = bytes.TrimRight(text, "\r\n") // an editor's, or echo's
	if len(text) == 0 || len(text) > maxKeyFile {
		return &problem{fmt.Errorf("--key-file %s: holds no secret of 1 to %d octets", o.keyFile, maxKeyFile), "head -c 32 /dev/urandom | base64 >FILE makes one"}
	}
	o.key = string(text)
	return nil
}

// anonymizer makes one with the secret of --key, else with one that nobody knows.
func (o *extraction) anonymizer() (*capture.Anonymizer, error) {
	if o.key != "" {
		return capture.NewAnonymizer([]byte(o.key)), nil
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	return capture.NewAnonymizer(secret), nil
}
