package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
)

func newTrust(a *app) *cobra.Command {
	var list, revoke bool
	cmd := &cobra.Command{
		Use:   "trust [PROFILE]",
		Short: "Confirm the host that a key may be sent to",
		Long: `A key is pinned to the host it was first used with. When the file names another host for
it, the gateway keeps its routes until that host is confirmed here. Look at the file first:
whoever can write it could have pointed the key at a server of his own.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeProfiles,
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			switch {
			case list:
				return a.listPins(r)
			case len(given) == 0:
				return usagef("prism trust PROFILE, or prism trust --list", "no profile named")
			case revoke:
				return a.revoke(r, given[0])
			}
			v, err := r.client.Trust(cmd.Context(), given[0])
			if errors.Is(err, admin.ErrNotRunning) {
				v, err = a.trustOffline(cmd, r, given[0])
			}
			if err != nil {
				return err
			}
			return a.showVerdict(v)
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the pins")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "forget the pins of a profile's key")
	cmd.MarkFlagsMutuallyExclusive("list", "revoke")
	return cmd
}

// trustStrict is the setting under which a host never seen waits for prism trust.
const trustStrict = "strict"

func (a *app) listPins(r room) error {
	pins, err := config.LoadPins(r.paths.Pins)
	if err != nil {
		return err
	}
	v := view{columns: []column{{name: "profile"}, {name: "origin", whole: true}, {name: "how"}, {name: "since"}, {name: "key_name", head: "KEY"}}, empty: "no key is pinned yet"}
	for _, p := range pins.List() {
		v.rows = append(v.rows, []cell{textCell(p.Profile), textCell(p.Origin), textCell(p.How), timeCell(p.Since, "2006-01-02 15:04"), textCell(p.Name)})
	}
	return a.show(v)
}

func (a *app) revoke(r room, name string) error {
	pins, err := config.LoadPins(r.paths.Pins)
	if err != nil {
		return err
	}
	n, err := pins.Revoke(name)
	if err != nil {
		return err
	}
	if n == 0 {
		return notFound("prism trust --list", "nothing is pinned for a profile named %q", name)
	}
	a.note("a gateway that runs goes on until it reads its file again; under trust: first_use it pins the key anew then")
	return a.show(view{columns: []column{{name: "profile"}, {name: "revoked", right: true}}, rows: [][]cell{{textCell(name), {fmt.Sprint(n), n}}}})
}

// trustOffline needs a file that is right but for its pins.
func (a *app) trustOffline(cmd *cobra.Command, r room, name string) (admin.Verdict, error) {
	f, err := a.valid(cmd.Context(), r)
	if err != nil {
		return admin.Verdict{}, err
	}
	p := f.Profiles.Profile(name)
	if p == nil {
		return admin.Verdict{}, noProfile(name)
	}
	pins, err := config.LoadPins(r.paths.Pins)
	if err != nil {
		return admin.Verdict{}, err
	}
	if err := pins.Trust(*p); err != nil {
		return admin.Verdict{}, err
	}
	return admin.Verdict{
		OK: true, Trigger: "trust", Active: f.Profiles.Active, Previous: f.Profiles.Active,
		Notes: []string{fmt.Sprintf("%s: %s is trusted", name, p.Origin())},
	}, nil
}
