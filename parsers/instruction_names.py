"""
Names of x86 instructions that a CPU may not know, and what each needs of the CPU, by the byte after the prefixes.

Each table is a text: per line an opcode in hexadecimal, the name, and the flag of /proc/cpuinfo. `-` takes the flag
that the encoding implies. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, appendix A.
"""

from typing import Final

# 66 0F: SSE2's integer instructions, whose VEX form is AVX with 128 bits and AVX2 with 256.
INTEGER: Final = """
    60 punpcklbw  61 punpcklwd  62 punpckldq  63 packsswb  64 pcmpgtb  65 pcmpgtw  66 pcmpgtd  67 packuswb
    68 punpckhbw  69 punpckhwd  6a punpckhdq  6b packssdw  6c punpcklqdq  6d punpckhqdq  70 pshufd  74 pcmpeqb
    75 pcmpeqw  76 pcmpeqd  d1 psrlw  d2 psrld  d3 psrlq  d4 paddq  d5 pmullw  d7 pmovmskb  d8 psubusb  d9 psubusw
    da pminub  db pand  dc paddusb  dd paddusw  de pmaxub  df pandn  e0 pavgb  e1 psraw  e2 psrad  e3 pavgw  e4 pmulhuw
    e5 pmulhw  e8 psubsb  e9 psubsw  ea pminsw  eb por  ec paddsb  ed paddsw  ee pmaxsw  ef pxor  f1 psllw  f2 pslld
    f3 psllq  f4 pmuludq  f5 pmaddwd  f6 psadbw  f8 psubb  f9 psubw  fa psubd  fb psubq  fc paddb  fd paddw  fe paddd
"""
# 0F with any of the four prefixes: the floating-point instructions of SSE, without their ending (ps, pd, ss, sd).
FLOATING: Final = """
    51 sqrt  52 rsqrt  53 rcp  54 and  55 andn  56 or  57 xor  58 add  59 mul  5c sub  5d min  5e div  5f max  c2 cmp
    c6 shuf
"""
MOVES: Final = """
    10 movu  11 movu  28 mova  29 mova  6e movd  6f movdqa  7e movd  7f movdqa  77 zeroupper
"""
# 66 0F38: the name, and for the VEX form the flag. `-`: AVX with 128 bits, AVX2 with 256.
MAP_38: Final = """
    00 pshufb -  01 phaddw -  02 phaddd -  04 pmaddubsw -  08 psignb -  09 psignw -  0a psignd -  0b pmulhrsw -
    0c permilps avx  0d permilpd avx  13 cvtph2ps f16c  16 permps avx2  17 ptest avx  18 broadcastss avx
    19 broadcastsd avx  1a broadcastf128 avx  1c pabsb -  1d pabsw -  1e pabsd -  20 pmovsxbw -  21 pmovsxbd -
    22 pmovsxbq -  23 pmovsxwd -  24 pmovsxwq -  25 pmovsxdq -  28 pmuldq -  29 pcmpeqq -  2b packusdw -
    2c maskmovps avx  2d maskmovpd avx  2e maskmovps avx  2f maskmovpd avx  30 pmovzxbw -  31 pmovzxbd -  32 pmovzxbq -
    33 pmovzxwd -  34 pmovzxwq -  35 pmovzxdq -  36 permd avx2  37 pcmpgtq -  38 pminsb -  39 pminsd -  3a pminuw -
    3b pminud -  3c pmaxsb -  3d pmaxsd -  3e pmaxuw -  3f pmaxud -  40 pmulld -  41 phminposuw avx  45 psrlv avx2
    46 psravd avx2  47 psllv avx2  50 pdpbusd avx_vnni  58 pbroadcastd avx2  59 pbroadcastq avx2  5a broadcasti128 avx2
    78 pbroadcastb avx2  79 pbroadcastw avx2  8c pmaskmov avx2  8e pmaskmov avx2  90 pgatherd avx2  91 pgatherq avx2
    92 gatherd avx2  93 gatherq avx2  cf gf2p8mulb gfni  db aesimc aes  dc aesenc aes  dd aesenclast aes  de aesdec aes
    df aesdeclast aes
"""
# 66 0F3A.
MAP_3A: Final = """
    00 permq avx2  01 permpd avx2  02 pblendd avx2  04 permilps avx  05 permilpd avx  06 perm2f128 avx  08 roundps avx
    09 roundpd avx  0a roundss avx  0b roundsd avx  0c blendps avx  0d blendpd avx  0e pblendw -  0f palignr -
    14 pextrb avx  15 pextrw avx  16 pextrd avx  17 extractps avx  18 insertf128 avx  19 extractf128 avx
    1d cvtps2ph f16c  20 pinsrb avx  21 insertps avx  22 pinsrd avx  38 inserti128 avx2  39 extracti128 avx2
    40 dpps avx  41 dppd avx  42 mpsadbw -  44 pclmulqdq pclmulqdq  46 perm2i128 avx2  4a blendvps avx  4b blendvpd avx
    4c pblendvb -  60 pcmpestrm avx  61 pcmpestri avx  62 pcmpistrm avx  63 pcmpistri avx  ce gf2p8affineqb gfni
    cf gf2p8affineinvqb gfni  df aeskeygenassist aes
"""
# The fused multiplications: 96-9f, a6-af and b6-bf of 66 0F38, by their low digit; the high digit gives the order.
FUSED: Final = """
    6 fmaddsub  7 fmsubadd  8 fmadd  9 fmadd  a fmsub  b fmsub  c fnmadd  d fnmadd  e fnmsub  f fnmsub
"""
FUSED_ORDERS: Final = {0x9: "132", 0xA: "213", 0xB: "231"}
# 0F38 without VEX: the flag is that of the SSE generation.
LEGACY_38: Final = (
    (range(0x0C), "ssse3"),
    (range(0x1C, 0x1F), "ssse3"),
    (range(0x10, 0x18), "sse4_1"),
    (range(0x20, 0x2C), "sse4_1"),
    (range(0x30, 0x37), "sse4_1"),
    (range(0x38, 0x42), "sse4_1"),
    (range(0x37, 0x38), "sse4_2"),
    (range(0xCF, 0xD0), "gfni"),
    (range(0xDB, 0xE0), "aes"),
)
LEGACY_3A: Final = (
    (range(0x08, 0x0F), "sse4_1"),
    (range(0x0F, 0x10), "ssse3"),
    (range(0x14, 0x18), "sse4_1"),
    (range(0x20, 0x23), "sse4_1"),
    (range(0x40, 0x43), "sse4_1"),
    (range(0x44, 0x45), "pclmulqdq"),
    (range(0x60, 0x64), "sse4_2"),
    (range(0xCE, 0xD0), "gfni"),
    (range(0xDF, 0xE0), "aes"),
)
SHA: Final = "c8 sha1nexte  c9 sha1msg1  ca sha1msg2  cb sha256rnds2  cc sha256msg1  cd sha256msg2"
# EVEX instructions on bytes and words need a part of AVX-512 that not every CPU with AVX-512 has.
EVEX_BYTES_0F: Final = frozenset(
    {0x60, 0x61, 0x63, 0x64, 0x65, 0x67, 0x68, 0x69, 0x6B, 0x71, 0x74, 0x75, 0xD1, 0xD5, 0xD8, 0xD9, 0xDA, 0xDC, 0xDD}
    | {0xDE, 0xE0, 0xE1, 0xE3, 0xE4, 0xE5, 0xE8, 0xE9, 0xEA, 0xEC, 0xED, 0xEE, 0xF1, 0xF5, 0xF6, 0xF8, 0xF9, 0xFC, 0xFD}
)
EVEX_BYTES_38: Final = frozenset({0x00, 0x04, 0x0B, 0x1C, 0x1D, 0x38, 0x3A, 0x3C, 0x3E, 0x66, 0x75, 0x78, 0x79, 0x8D})
