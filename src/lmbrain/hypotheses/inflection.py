"""Regular and common irregular English word forms, so that word lists can hold lemmas."""

from __future__ import annotations

import re

# lemma -> past tense and participle, where they are not regular
IRREGULAR_VERBS = {
    line.split()[0]: tuple(line.split()[1:])
    for line in """
    awake awoke awoken
    be was were been
    bear bore borne
    beat beat beaten
    become became
    begin began begun
    bend bent
    bind bound
    bite bit bitten
    bleed bled
    blow blew blown
    break broke broken
    breed bred
    bring brought
    build built
    burst burst
    buy bought
    catch caught
    choose chose chosen
    cling clung
    come came
    creep crept
    cut cut
    deal dealt
    dig dug
    do did done
    draw drew drawn
    dream dreamt
    drink drank drunk
    drive drove driven
    eat ate eaten
    fall fell fallen
    feed fed
    feel felt
    fight fought
    find found
    flee fled
    fling flung
    fly flew flown
    forget forgot forgotten
    forgive forgave forgiven
    freeze froze frozen
    get got gotten
    give gave given
    go went gone
    grind ground
    grow grew grown
    hang hung
    have had
    hear heard
    hide hid hidden
    hit hit
    hold held
    hurt hurt
    keep kept
    kneel knelt
    know knew known
    lay laid
    lead led
    lean leant
    leap leapt
    leave left
    lend lent
    let let
    lie lay lain
    lose lost
    make made
    mean meant
    meet met
    mislead misled
    pay paid
    put put
    read read
    ride rode ridden
    ring rang rung
    rise rose risen
    run ran
    say said
    see saw seen
    seek sought
    sell sold
    send sent
    set set
    sew sewn
    shake shook shaken
    shine shone
    shrink shrank shrunk
    shut shut
    sing sang sung
    sink sank sunk
    sit sat
    sleep slept
    slide slid
    smell smelt
    sneak snuck
    speak spoke spoken
    spend spent
    spill spilt
    spin spun
    spit spat
    split split
    spread spread
    spring sprang sprung
    stand stood
    steal stole stolen
    stick stuck
    sting stung
    stink stank stunk
    stride strode
    strike struck
    string strung
    swallow swallowed
    swear swore sworn
    sweep swept
    swell swollen
    swim swam swum
    swing swung
    take took taken
    teach taught
    tear tore torn
    tell told
    think thought
    throw threw thrown
    tread trod trodden
    understand understood
    upset upset
    wake woke woken
    wear wore worn
    weave wove woven
    weep wept
    win won
    wind wound
    wring wrung
    write wrote written
    """.strip().splitlines()
}
IRREGULAR_PLURALS = {
    "calf": "calves",
    "child": "children",
    "foot": "feet",
    "goose": "geese",
    "half": "halves",
    "knife": "knives",
    "leaf": "leaves",
    "life": "lives",
    "loaf": "loaves",
    "man": "men",
    "mouse": "mice",
    "ox": "oxen",
    "person": "people",
    "scarf": "scarves",
    "sheep": "sheep",
    "shelf": "shelves",
    "thief": "thieves",
    "tooth": "teeth",
    "wife": "wives",
    "wolf": "wolves",
    "woman": "women",
}


def words(text: str) -> frozenset[str]:
    """Words between spaces, just as they are."""
    return frozenset(text.split())


def verbs(lemmas: str) -> frozenset[str]:
    """All forms of verbs given as lemmas between spaces: present, past, participles."""
    return frozenset(form for lemma in lemmas.split() for form in _verb_forms(lemma))


def finite(lemmas: str) -> frozenset[str]:
    """The forms of verbs without the -ing form."""
    given = lemmas.split()
    return frozenset(f for f in verbs(lemmas) if f in given or not f.endswith("ing"))


def nouns(lemmas: str) -> frozenset[str]:
    """Singular and plural of nouns given as lemmas between spaces."""
    singular = lemmas.split()
    return frozenset(singular) | {IRREGULAR_PLURALS.get(n, _with_s(n)) for n in singular}


def adjectives(lemmas: str) -> frozenset[str]:
    """Adjectives given between spaces, and their adverbs in -ly."""
    given = lemmas.split()
    return frozenset(given) | {_adverb(a) for a in given}


def participles() -> frozenset[str]:
    """Irregular forms that can follow `had` in a past perfect (pasts in common use included)."""
    return frozenset(form for forms in IRREGULAR_VERBS.values() for form in forms)


def _verb_forms(lemma: str) -> set[str]:
    past = IRREGULAR_VERBS.get(lemma) or tuple(_with_ed(stem) for stem in _stems(lemma))
    return {lemma, _with_s(lemma), *past, *(_with_ing(stem) for stem in _stems(lemma))}


def _stems(lemma: str) -> list[str]:
    """The lemma as it stands before -ed and -ing: final consonant doubled or not.

    Of longer verbs both spellings are kept (regretted, whispered): one of them is no word, which
    does no harm; of short verbs only the right one (hopped, not hoped).
    """
    if not re.search(r"[^aeiou][aeiou][^aeiouwxy]$", lemma) and not re.search(
        r"qu[aeiou][^aeiouwxy]$", lemma
    ):
        return [lemma]
    doubled = lemma + lemma[-1]
    short = len(re.findall(r"[aeiouy]+", lemma.replace("qu", "q"))) == 1
    return [doubled] if short else [lemma, doubled]


def _with_s(lemma: str) -> str:
    if re.search(r"(s|x|z|ch|sh|[^aeiou]o)$", lemma):
        return lemma + "es"
    return re.sub(r"([^aeiou])y$", r"\1ie", lemma) + "s"


def _with_ed(stem: str) -> str:
    if stem.endswith("e"):
        return stem + "d"
    return re.sub(r"([^aeiou])y$", r"\1i", stem) + "ed"


def _with_ing(stem: str) -> str:
    if stem.endswith("ie"):
        return stem[:-2] + "ying"
    return re.sub(r"([^eoy])e$", r"\1", stem) + "ing"


def _adverb(adjective: str) -> str:
    if adjective.endswith("ic"):
        return adjective + "ally"
    if re.search(r"[^aeiou]le$", adjective):
        return adjective[:-1] + "y"
    return re.sub(r"([^aeiou])y$", r"\1i", adjective) + "ly"
