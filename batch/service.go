package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Service is what a run needs of rps.Client. Its errors are *rps.Error.
type Service interface {
	ListDevices(ctx context.Context) ([]rps.MAC, error)
	CheckDeviceExt(ctx context.Context, mac rps.MAC) (rps.DeviceStatus, string, error)
	RegisterDevices(ctx context.Context, macs []rps.MAC, server string) error
	RegisterDevicesOverride(ctx context.Context, macs []rps.MAC, server string, override bool) error
	RegisterDeviceWithUniqueURL(ctx context.Context, mac rps.MAC, server, url string) error
	RegisterDeviceWithUniqueURLOverride(ctx context.Context, mac rps.MAC, server, url string, override bool) error
	DeRegisterDevices(ctx context.Context, macs []rps.MAC) error
	EditDevice(ctx context.Context, mac rps.MAC, server string) error
	EditDeviceWithUniqueURL(ctx context.Context, mac rps.MAC, server, url string) error
	AddServer(ctx context.Context, name, url string) error
}

// method names the guide's command of an attempt, without "redirect.".
func (a attempt) method() string {
	switch a.call {
	case callRegister, callOverride:
		if a.url != "" {
			return "registerDeviceWithUniqueUrl"
		}
		return "registerDevices"
	case callDeregister:
		return "deRegisterDevices"
	case callEdit:
		if a.url != "" {
			return "editDeviceWithUniqueUrl"
		}
		return "editDevice"
	case callAddServer:
		return "addServer"
	case callList:
		return "listDevices"
	}
	return "checkDeviceExt"
}

// perform makes the call of an attempt.
func perform(ctx context.Context, service Service, a attempt) answer {
	var ans answer
	var err error
	macs := make([]rps.MAC, len(a.items))
	for i, it := range a.items {
		macs[i] = it.mac
	}
	switch {
	case a.call == callList:
		var devices []rps.MAC
		if devices, err = service.ListDevices(ctx); err == nil {
			ans.account = newMACSet(devices)
		}
	case a.call == callLearn:
		ans.status, ans.url, err = service.CheckDeviceExt(ctx, a.teacher)
	case a.call == callCheck:
		ans.status, ans.url, err = service.CheckDeviceExt(ctx, macs[0])
	case a.call == callRegister && a.url != "":
		err = service.RegisterDeviceWithUniqueURL(ctx, macs[0], a.server, a.url)
	case a.call == callRegister:
		err = service.RegisterDevices(ctx, macs, a.server)
	case a.call == callOverride && a.url != "":
		err = service.RegisterDeviceWithUniqueURLOverride(ctx, macs[0], a.server, a.url, true)
	case a.call == callOverride:
		err = service.RegisterDevicesOverride(ctx, macs, a.server, true)
	case a.call == callDeregister:
		err = service.DeRegisterDevices(ctx, macs)
	case a.call == callEdit && a.url != "":
		err = service.EditDeviceWithUniqueURL(ctx, macs[0], a.server, a.url)
	case a.call == callAddServer:
		err = service.AddServer(ctx, a.server, a.url)
	case a.call == callEdit:
		err = service.EditDevice(ctx, macs[0], a.server)
	default:
		panic(fmt.Sprintf("batch: no such call: %d", a.call))
	}
	if err != nil && !errors.As(err, &ans.err) {
		ans.err = &rps.Error{Kind: rps.Unreadable, Err: err}
	}
	return ans
}

func newMACSet(macs []rps.MAC) *roaring64.Bitmap {
	set := roaring64.New()
	for _, mac := range macs {
		set.Add(mac.Uint64())
	}
	return set
}
