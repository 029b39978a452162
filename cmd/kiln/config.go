package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/xeipuuv/gojsonschema"
)

// envPrefix begins the name of every environment variable: --max-body is KILN_MAX_BODY.
const envPrefix = "KILN_"

// settings reads the flags of cmd, each of which may also stand in the environment and in the
// file of --config: flag > environment > file > default.
func settings(cmd *cobra.Command) (*koanf.Koanf, error) {
	k := koanf.New("\x00") // flag names are flat
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	if path != "" {
		if err := loadFile(k, path, cmd.Flags()); err != nil {
			return nil, err
		}
	}
	if err := k.Load(env.Provider("\x00", env.Opt{Prefix: envPrefix, TransformFunc: flagOfVariable}), nil); err != nil {
		return nil, err
	}
	if err := k.Load(posflag.Provider(cmd.Flags(), "\x00", k), nil); err != nil {
		return nil, err
	}
	return k, nil
}

func flagOfVariable(name, value string) (string, any) {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, envPrefix)), "_", "-"), value
}

func loadFile(k *koanf.Koanf, path string, flags *pflag.FlagSet) error {
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return wrongUsage("--config: there is no file %s", path)
		}
		return wrongUsage("--config %s is not readable as YAML: %v", path, err)
	}
	result, err := gojsonschema.Validate(gojsonschema.NewGoLoader(schema(flags)), gojsonschema.NewGoLoader(k.All()))
	if err != nil {
		return wrongUsage("--config %s: %v", path, err)
	}
	if result.Valid() {
		return nil
	}
	var problems []string
	for _, problem := range result.Errors() {
		problems = append(problems, problem.String())
	}
	return wrongUsage("--config %s: %s", path, strings.Join(problems, "; "))
}

// schema is the JSON Schema of the configuration file: the flags and nothing else.
func schema(flags *pflag.FlagSet) map[string]any {
	properties := map[string]any{}
	flags.VisitAll(func(f *pflag.Flag) {
		kind := any("string")
		switch f.Value.Type() {
		case "bool":
			kind = "boolean"
		case "int", "int64", "float64":
			kind = "number"
		case "duration":
			kind = []string{"string", "number"}
		}
		if f.Name != "config" && f.Name != "help" {
			properties[f.Name] = map[string]any{"type": kind}
		}
	})
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}

// unknownVariables lists variables of the environment that begin with KILN_ and mean nothing, so
// that a misspelt setting does not go unnoticed.
func unknownVariables(flags *pflag.FlagSet) error {
	var unknown []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, envPrefix+"TEST_") {
			continue
		}
		if key, _ := flagOfVariable(name, ""); flags.Lookup(key) == nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%s: there is no such setting; the flags of `kiln serve --help` are the settings", strings.Join(unknown, ", "))
	}
	return nil
}
