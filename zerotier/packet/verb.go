package packet

// A Verb says what a packet is for (PROTOCOL 10).
type Verb uint8

// The verbs.
const (
	VerbNop                    Verb = 0x00
	VerbHello                  Verb = 0x01
	VerbError                  Verb = 0x02
	VerbOK                     Verb = 0x03
	VerbWhois                  Verb = 0x04
	VerbRendezvous             Verb = 0x05
	VerbFrame                  Verb = 0x06
	VerbExtFrame               Verb = 0x07
	VerbEcho                   Verb = 0x08
	VerbMulticastLike          Verb = 0x09
	VerbNetworkCredentials     Verb = 0x0a
	VerbNetworkConfigRequest   Verb = 0x0b
	VerbNetworkConfig          Verb = 0x0c
	VerbMulticastGather        Verb = 0x0d
	VerbMulticastFrame         Verb = 0x0e
	VerbPushDirectPaths        Verb = 0x10
	VerbAck                    Verb = 0x12
	VerbQoSMeasurement         Verb = 0x13
	VerbUserMessage            Verb = 0x14
	VerbRemoteTrace            Verb = 0x15
	VerbPathNegotiationRequest Verb = 0x16
)

// MaxVerb is the largest value of a Verb, for tables indexed by it.
const MaxVerb = 0x1f

// An ErrorCode says what an ERROR is about (PROTOCOL 10.2).
type ErrorCode uint8

// The error codes.
const (
	ErrorInvalidRequest         ErrorCode = 1
	ErrorBadProtocolVersion     ErrorCode = 2
	ErrorNotFound               ErrorCode = 3
	ErrorIdentityCollision      ErrorCode = 4
	ErrorUnsupported            ErrorCode = 5
	ErrorNeedCertificate        ErrorCode = 6
	ErrorAccessDenied           ErrorCode = 7
	ErrorUnwantedMulticast      ErrorCode = 8
	ErrorAuthenticationRequired ErrorCode = 9
)

// String returns the verb's name as PROTOCOL 10 has it.
func (v Verb) String() string {
	if int(v) < len(verbNames) && verbNames[v] != "" {
		return verbNames[v]
	}
	return "UNKNOWN"
}

var verbNames = [...]string{
	VerbNop:                    "NOP",
	VerbHello:                  "HELLO",
	VerbError:                  "ERROR",
	VerbOK:                     "OK",
	VerbWhois:                  "WHOIS",
	VerbRendezvous:             "RENDEZVOUS",
	VerbFrame:                  "FRAME",
	VerbExtFrame:               "EXT_FRAME",
	VerbEcho:                   "ECHO",
	VerbMulticastLike:          "MULTICAST_LIKE",
	VerbNetworkCredentials:     "NETWORK_CREDENTIALS",
	VerbNetworkConfigRequest:   "NETWORK_CONFIG_REQUEST",
	VerbNetworkConfig:          "NETWORK_CONFIG",
	VerbMulticastGather:        "MULTICAST_GATHER",
	VerbMulticastFrame:         "MULTICAST_FRAME",
	VerbPushDirectPaths:        "PUSH_DIRECT_PATHS",
	VerbAck:                    "ACK",
	VerbQoSMeasurement:         "QOS_MEASUREMENT",
	VerbUserMessage:            "USER_MESSAGE",
	VerbRemoteTrace:            "REMOTE_TRACE",
	VerbPathNegotiationRequest: "PATH_NEGOTIATION_REQUEST",
}

// String returns the code's meaning in a few words.
func (c ErrorCode) String() string {
	if int(c) < len(errorNames) && errorNames[c] != "" {
		return errorNames[c]
	}
	return "unknown error"
}

var errorNames = [...]string{
	ErrorInvalidRequest:         "invalid request",
	ErrorBadProtocolVersion:     "bad protocol version",
	ErrorNotFound:               "object not found",
	ErrorIdentityCollision:      "identity collision",
	ErrorUnsupported:            "unsupported operation",
	ErrorNeedCertificate:        "need membership certificate",
	ErrorAccessDenied:           "access denied",
	ErrorUnwantedMulticast:      "unwanted multicast",
	ErrorAuthenticationRequired: "authentication required",
}

// String returns the cipher's name.
func (c Cipher) String() string {
	switch c {
	case CipherPoly1305:
		return "poly1305"
	case CipherSalsa2012:
		return "salsa2012-poly1305"
	case CipherTrusted:
		return "trusted"
	case CipherAES:
		return "aes-gmac-siv"
	}
	return "unknown"
}
