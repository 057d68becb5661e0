"""The invented texts for the golden files."""

from itertools import cycle, islice

SMALL_VOCABULARY_WORDS = (
    "profit loss rose fell shares sales bank debt cut net record the of and no up down eur"
).split()


def vocabulary_words(count):
    return " ".join(islice(cycle(SMALL_VOCABULARY_WORDS), count))


SMALL = [
    "",
    "profit",
    "Net loss fell",
    "Shares ROSE 12.5%, debt: (CUT)!",
    "Bank & bank's no-debt sales - up $3,000!!",
    "Crédit Zürich cafe\N{COMBINING ACUTE ACCENT} Été",
    "unbelievably overvalued refinancing",
    "£5 → 日本 øre groß 🚀 loss",
    "\t the\N{NO-BREAK SPACE}record\r\nof  no\N{ZERO WIDTH SPACE}loss \x00 ",
    "x" * 101 + " sales",
    "Debt " + "z" * 40 + " cut",
    vocabulary_words(45),
    vocabulary_words(46),
    vocabulary_words(45) + " banks",
    "Record loss! " + vocabulary_words(400),
]

GROWTH = (
    "Tarnholt Marine said on Tuesday that third-quarter revenue climbed 18.4% to EUR 412.7 million, helped by "
    "firm demand for its hybrid ferries and a better mix of service contracts. Operating profit nearly doubled to "
    "EUR 61 million, well ahead of the EUR 48 million that management had pencilled in during the spring. The "
    "order book reached a record EUR 2.3 billion after shipping lines in Norway and Chile signed for eleven "
    "vessels. Chief executive Ilse Varga lifted the full-year margin target by a full percentage point and "
    "promised a special dividend of 85 cents a share. \"We have rarely entered a winter with this much visibility,\" "
    "she told analysts, adding that two new drydocks would open before June and that hiring was under way."
)

DECLINE = (
    "Quillfeather Foods warned that it would swing to a loss this year after a contaminated batch of oat flour "
    "forced it to recall more than four million packs and shut its largest mill for nine weeks. The company now "
    "expects a deficit of between $70 million and $95 million, against an earlier forecast of a small profit, and "
    "has suspended its dividend. Retailers cancelled contracts worth about a tenth of annual sales, lenders asked "
    "for new guarantees, and the auditor flagged material doubt about the group's ability to refinance notes that "
    "fall due in March. The shares sank 37%, the steepest one-day drop since the flotation. Finance director Rowan "
    "Ashdell resigned, and the board said that roughly 1,200 jobs were at risk."
)

NOTICE = (
    "Oskeld Bank will publish its interim report on 14 August at 07:30 local time, followed by a conference call "
    "for investors and the press at 10:00. The presentation will be held in English by the chief executive and the "
    "head of group treasury, and a recording will be available on the investor pages until the end of the year. "
    "Shareholders registered on 3 September may attend the extraordinary meeting in Turku, where the agenda "
    "consists of the election of one deputy board member and a change of the registered office from the fourth to "
    "the second floor of the same building. Voting forms can be returned by post or through the usual electronic "
    "service. The bank has 9,400 employees and operates in six countries."
)

MIXED = (
    "Veyra Semiconductors delivered a quarter that gave both camps something to argue about. Sales of power chips "
    "for heat pumps jumped by a third and the factory in Braga is finally running at full tilt, yet the far larger "
    "automotive division shrank 9% because two customers are still working through their stock. Gross margin "
    "slipped to 38.2% from 41%, although most of that came from a one-off charge. Cash flow improved, net debt "
    "fell, and guidance for the year was left where it was. Brokers were split: one raised its rating to buy, one "
    "cut it to hold, and several only moved their targets by a few pence. By the close the shares had been up five "
    "percent, down four, and ended the day almost exactly where they began."
)

MINI_LONG = [
    "Bankruptcy",
    "Underwhelming!",
    "Tarnholt Marine raised its margin target for the second time this year after a wave of ferry orders from "
    "Norway and Chile, and analysts said that the new drydocks should lift earnings well beyond what the market "
    "had expected until Monday",
    DECLINE,
    NOTICE,
    MIXED,
    GROWTH + "\n\n" + MIXED + "\n\n" + "The next update is due in February.",
    " ".join([NOTICE, MIXED, DECLINE]),
    " ".join([DECLINE, MIXED, NOTICE, GROWTH, DECLINE]),
    " ".join(islice(cycle("sales fell and debt rose but the bank cut no jobs".split()), 510)),
    "$TSLA\tand $GME:\r\n\r\n  squeeze OVER?! 📉📉 see https://example.org/q3?ref=a&b=1#top "
    "(via @paper_hands, +3.75% pre-mkt)\n",
    "Société Müller & Cie\N{COMBINING ACUTE ACCENT} : bénéfice net en hausse de 7,5\N{NO-BREAK SPACE}% — "
    "新型工場の売上は減少, 이익은 증가 "
    "👨\N{ZERO WIDTH JOINER}👩\N{ZERO WIDTH JOINER}👧 🇫🇮 ﬁne\N{SOFT HYPHEN}-print İstanbul STRASSE straße",
    "\N{RIGHT-TO-LEFT MARK}רווחים الأرباح "
    "κέρδος прибыль １２．５％ "
    "\N{REPLACEMENT CHARACTER}\x00\x07 " + "h" + "o" * 120 + "t stock",
]

NASTY = [
    "",
    " ",
    " \t\r\n ",
    "Café naïve Ångström",
    "Cafe\N{COMBINING ACUTE ACCENT} nai\N{COMBINING DIAERESIS}ve A\N{COMBINING RING ABOVE}ngstro\N{COMBINING DIAERESIS}m",
    "ể ự việt",
    "\N{COMBINING ACUTE ACCENT}",
    "\N{COMBINING DIAERESIS}start mid \N{COMBINING TILDE} end\N{COMBINING CEDILLA}",
    "Z" + "\N{COMBINING ACUTE ACCENT}" * 40 + "algo",
    "a\N{COMBINING ENCLOSING CIRCLE}b \N{DEVANAGARI LETTER KA}\N{DEVANAGARI VOWEL SIGN AA}\N{DEVANAGARI SIGN NUKTA}",
    "日本銀行は金利を0.25%引き上げ、円高に。",
    "股价stock上涨12%而债务debt下降",
    "\N{CJK UNIFIED IDEOGRAPH-20000}\N{CJK UNIFIED IDEOGRAPH-2B740}\N{CJK COMPATIBILITY IDEOGRAPH-F900}\N{CJK COMPATIBILITY IDEOGRAPH-2F800}",
    "カタカナ ｶﾀｶﾅ ガ か\N{COMBINING KATAKANA-HIRAGANA VOICED SOUND MARK}",
    "삼성전자 이익 증가",
    "\N{HANGUL CHOSEONG HIEUH}\N{HANGUL JUNGSEONG A}\N{HANGUL JONGSEONG NIEUN} \N{HANGUL LETTER HIEUH}",
    "\N{ROCKET}\N{ROCKET} to the \N{FULL MOON SYMBOL}!",
    "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL} family \N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
    "\N{REGIONAL INDICATOR SYMBOL LETTER F}\N{REGIONAL INDICATOR SYMBOL LETTER I}up\N{REGIONAL INDICATOR SYMBOL LETTER S}",
    "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-5}1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}",
    "nul\0inside \0 alone",
    "\0",
    "bell\a back\b vt\v ff\f esc\x1b del\x7f nel\x85 c1\x9f",
    "\x01\x02\x1c\x1d\x1e\x1f",
    "soft\N{SOFT HYPHEN}hyphen \N{SOFT HYPHEN} co\N{SOFT HYPHEN}\N{SOFT HYPHEN}op",
    "zero\N{ZERO WIDTH SPACE}width\N{ZERO WIDTH NON-JOINER}joiners\N{WORD JOINER}here",
    "\N{ZERO WIDTH NO-BREAK SPACE}bom first and bom\N{ZERO WIDTH NO-BREAK SPACE}middle",
    "bad\N{REPLACEMENT CHARACTER}byte \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}",
    "a" * 99 + " " + "b" * 100,
    "a" * 100,
    "a" * 101,
    "profit " + "q" * 200 + " loss",
    "é" * 100 + " " + "é" * 101,
    ("e\N{COMBINING ACUTE ACCENT}") * 60,
    "one\ttwo\nthree\rfour\r\nfive\n\n\nsix",
    "1\N{NO-BREAK SPACE}000\N{NARROW NO-BREAK SPACE}000\N{THIN SPACE}EUR\N{FIGURE SPACE}x",
    "全角\N{IDEOGRAPHIC SPACE}スペース\N{IDEOGRAPHIC SPACE}",
    "line\N{LINE SEPARATOR}sep\N{PARAGRAPH SEPARATOR}para\N{OGHAM SPACE MARK}ogham\N{MONGOLIAN VOWEL SEPARATOR}vowel",
    "أرباحُ الشَّركةِ ارتفعتْ ١٢٪",
    "רְוָחִים עָלוּ בְּ־12%",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc\N{POP DIRECTIONAL FORMATTING} \N{LEFT-TO-RIGHT MARK}x\N{RIGHT-TO-LEFT MARK}",
    "ΚΕΡΔΟΣ ΣΑΣ Σ ΑΣ. ΑΣΑ",
    "İSTANBUL Iğdır ISI ısı",
    "Straße STRAẞE GROSSE Maß",
    "\N{LATIN SMALL LIGATURE FI}nance \N{LATIN SMALL LETTER DZ WITH CARON}\N{LATIN CAPITAL LETTER D WITH SMALL LETTER Z WITH CARON} \N{KELVIN SIGN} \N{OHM SIGN} \N{ANGSTROM SIGN}",
    "$TSLA $BRK.B #stocks @cfo +3.5%",
    "https://example.org/a/b?c=d&e=%20f#g www.example.com:8080/~x",
    "mail first.last+tag@example.co.uk now",
    "[CLS] text [SEP] more [MASK] [PAD] [UNK]",
    "pre[SEP]post x[MASK]y[CLS]",
    "[cls] [Sep] [ MASK ] [[SEP]] [unused1]",
    "##ing ing## # # ##",
    "?!.,;:-_()[]{}'\"`~@#$%^&*+=|\\/<>",
    "…—–‘’“”«»‹›¿¡·•†‡§¶",
    "don't won't o'clock rock'n'roll it’s",
    "1,234.56 -0.5 1.2e-3 10^6 3/4 50bps 1H23 Q4'24",
    "\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}\N{FULLWIDTH PERCENT SIGN} \N{FULLWIDTH LATIN CAPITAL LETTER A}\N{FULLWIDTH LATIN SMALL LETTER B}\N{FULLWIDTH COMMA}",
    "½ ² ₃ Ⅳ ① ㎏ ٣ ३",
    "∑∞≠≤≥±×÷√∂∫ 𝐁𝐨𝐥𝐝 𝔉𝔯𝔞𝔨",
    "€ £ ¥ ₹ ₿ ¢ ¤ ™ © ® °",
    "private \ue000\uf8ff \U000f0000 \U0010fffd use",
    "non\ufdd0character \ufffe \uffff \U0001ffff \U0010ffff",
    "unassigned \u0378 \U000e0fff \N{LANGUAGE TAG}\N{TAG LATIN SMALL LETTER E}",
    "!" * 700,
    "-=" * 150 + "loss",
    "Прибыль компании Ёлка выросла й",
    "กำไรสุทธิ เพิ่มขึ้น",
    "a" + " " * 300 + "b",
    "word " * 600,
]

SMALL_ROBERTA = SMALL + [
    "Net loss <mask> fell, <pad> and<pad>record </s> sales <s>",
    "  the bank's debt:\n\n\n it'll  rise   ",
]

SMALL_UNIGRAM = SMALL_ROBERTA + [
    "日本銀行は金利を引き上げ、債務下降",
    "\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO} \N{LATIN SMALL LIGATURE FI}nance  <mask> <unk><pad> x",
]
NASTY_BYTE_LEVEL = NASTY + [
    "<s> text </s> more   <mask> x<mask> \n <mask><pad><unk>",
    "<mask>",
    " <mask> ",
    "<MASK> < mask > <mask <<s>> </s",
    "  two  leading, three   between, trailing    ",
    "\n\n\nlines\n\n and\r\n \r\n tabs\t\t\tx \t y",
    "it's we're they've I'm he'll she'd IT'S can't 'tis 'S ' s",
    "a'll'll''ll 'l 'lll",
    "space\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}x\N{IDEOGRAPHIC SPACE} \N{EM SPACE}y\N{LINE SEPARATOR}\N{LINE SEPARATOR}",
    "12,345.67 abc123def 3x٣٤ ½ Ⅻ",
    "!!!??? ... --- $$$ !a !1 ! a",
    "profit" * 40,
    "loss" + " " * 400 + "<mask> rose",
]
