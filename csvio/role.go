package csvio

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rpsbatch/batch"
)

// A role is what a column is read for.
type role int

const (
	roleMAC role = iota
	roleServer
	roleURL
	roleAction
	roles // their number

	noRole role = -1
)

var roleNames = [roles]string{"mac", "server", "url", "action"}

// A task says which columns a command reads.
type task struct {
	servers bool // the rows are servers instead of devices: each has a name and a URL, and no MAC
	binds   bool // a row needs a server or a URL, unless its action says otherwise
	actions bool // a column "action" may say what its row wants
}

// tasks has the task of each action that [Options] can name.
var tasks = map[batch.Action]task{
	batch.Register:   {binds: true, actions: true},
	batch.Edit:       {binds: true, actions: true},
	batch.Deregister: {actions: true},
	batch.Check:      {},
	batch.AddServer:  {servers: true},
}

// task returns what the options ask of a file.
func (o *Options) task() task {
	if o.Want {
		return tasks[batch.Edit]
	}
	return tasks[o.Action]
}

// aliases are the usual names of each role's column, as plainName leaves them.
//
// "server url" is not a name for the unique URL: in the guide it is the address
// of a server of the account, which all its devices share. Reading it as a unique
// URL would bind each device to an address instead of its server. Nor is "phone
// URL", which in inventories is often the phone's own web page.
var aliases = func() map[string]role {
	names := map[string]role{}
	for r, list := range [roles]string{
		roleMAC: `mac macs macaddress macaddresses macaddr macadr macid macno macnr macnumber
			devicemac devicemacaddress phonemac phonemacaddress lanmac hwaddr hwaddress hardwareaddress
			macadresse geratemac geraetemac geratemacadresse geraetemacadresse telefonmac hardwareadresse
			adressemac adressesmac direccionmac indirizzomac macadres enderecomac
			endgeratmac endgeraetmac adresmac macadresa macadresi macадрес масадрес mac地址 设备mac地址 话机mac macアトレス`,
		roleServer: `server servername serverrps rpsserver rpsservername configserver configurationserver
			provisioningserver provisioningservername konfigurationsserver provisionierungsserver
			serveur nomduserveur nomserveur serveurrps servidor nombredelservidor nombreservidor servidorrps
			nomeserver nomedelserver servernaam nomedoservidor nomeservidor
			serwer nazwaserwera сервер 服务器 服务器名称 サーハー サーハー名`,
		roleURL: `url uniqueurl uniqueserverurl provisioningurl uniqueprovisioningurl configurl
			configurationurl provurl rpsurl provisionurl autoprovisionurl autoprovisioningurl individualurl
			bereitstellungsurl eindeutigeurl konfigurationsurl provisionierungsurl
			urlunique urldeprovisioning urldeprovisionnement urlunica urldeaprovisionamiento
			urldiprovisioning urlunivoca uniekeurl`,
		roleAction: `action rpsaction operation rpsoperation aktion accion azione actie acao`,
	} {
		for name := range strings.FieldsSeq(list) {
			names[name] = role(r)
		}
	}
	return names
}()

// serverAliases are the usual names in a list of servers. The URL there is the
// server's own.
var serverAliases = map[string]role{
	"name": roleServer, "server": roleServer, "servername": roleServer, "rpsserver": roleServer, "nom": roleServer, "nombre": roleServer,
	"url": roleURL, "serverurl": roleURL, "address": roleURL, "serveraddress": roleURL, "adresse": roleURL,
	"provisioningurl": roleURL, "provisioningserverurl": roleURL,
}

// remarks are words beside a column's name that say whether it must be filled
// in, as plainName leaves them.
var remarks = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(`required optional mandatory obligatory
		pflicht pflichtfeld erforderlich notwendig obligatoire obligatoirement requis facultatif facultative optionnel
		obligatorio obligatoria requerido requerida opcional obbligatorio obbligatoria richiesto facoltativo facoltativa opzionale
		verplicht optioneel obrigatorio obrigatoria`) {
		words[word] = true
	}
	return words
}()

// roleOf returns the role of a column by its name: MAC, mac-address, and also "*
// MAC [required]".
func (t task) roleOf(name string) (role, bool) {
	names := aliases
	if t.servers {
		names = serverAliases
	}
	if r, ok := names[plainName(name)]; ok {
		return r, true
	}
	var rest strings.Builder
	for word := range strings.FieldsFuncSeq(name, isDivider) {
		if word = plainName(word); !remarks[word] {
			rest.WriteString(word)
		}
	}
	r, ok := names[rest.String()]
	return r, ok
}

// isDivider reports whether a character separates words.
func isDivider(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// plainName reduces a column's name to what distinguishes it: its letters and
// digits, in lower case, without accents and in normal width.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKD.String(name))
}
