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
