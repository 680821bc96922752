"""Keys that `openssl` has made. The passphrase of those that are encrypted is `hush`."""

PASSPHRASE = "hush"
#: Of each type: the public half, the encrypted private half, and the SHA-256 of the public half's DER.
ED25519 = (
    """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEASKeT++J8TfvXTo8yAXyS9JA64sedVO3h52YSWXJ/mck=
-----END PUBLIC KEY-----
""",
    """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjLTCSrabDXLAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEB2XxzptMCaVHOG8N3neIr0EQPQd
hoHb7X3BSgtoLcs2yUNG1PwnW2HiFIbwOBG44Nkp7jYygcPUrV/CcYs/Wg/Na0Ld
bMAGA76P2anPqE5eQww=
-----END ENCRYPTED PRIVATE KEY-----
""",
    "449bbc5305994b5240e4c57f4600854b66e710b621ec39d084fcd5013dd4e2a5",
)
#: Its private half is encrypted in the old way.
ECDSA = (
    """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEL24OMVm2QooOQTNlq/2Ue+1B3fNY
bPiuffnfQMsY1JdCqv69fcGD2e5nt9Ol/w07q/9V0oa50M6RvVleRiPkCg==
-----END PUBLIC KEY-----
""",
    """\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,F845364AA2F9A8107C81DED38B4474E8

g/b5uIlZz/MnTGsktXDH+b4rXIe1NGYNxaVw2uOFadvZAwAkE7gdtM2Ip+WekjsD
3w0TEDLYuC8F988ENPRblqAxU874n6vwZW67l5knbGSE5SqKSnwg0e0EUi1WkDBA
HPVeRR4Ec1OLR+WR1kzp/EpDjgCm2Ta7jy4Cgn27Q74=
-----END EC PRIVATE KEY-----
""",
    "2e479fc8f17ed24a3b49d47b35bb9fa2fe70dce0eaeb0e956996ab8d284205bf",
)
#: A private key that is encrypted with scrypt.
SCRYPT = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGTME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAgNMfsokjz4zgICQAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBD2PUa1Gl5G0dXyzP4AWjlUBECHYwHLkZkN0ESZ
6nmCoZKhEjXpsbeTNZDGAL+W7Mt8tBx5yv1jI3eZfw5xLC53I6OQ1ar79w/AJHLY
Z7QbptN7
-----END ENCRYPTED PRIVATE KEY-----
"""
#: A private key behind the parameters of its curve, as `openssl ecparam -genkey` writes it.
WITH_PARAMETERS = """\
-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIC7WBT3NfhdtxXTYdQv5hhwSNscu7Xe/fvT8qTX0WTfuoAoGCCqGSM49
AwEHoUQDQgAETiqLGup5O4/vELFKbMCL9cw5XtV0Bucp+SrO406x5Eyw57PEAKJs
r7OPGi7H7R1VnfaKNnJP+cai4LjjcLfAig==
-----END EC PRIVATE KEY-----
"""
