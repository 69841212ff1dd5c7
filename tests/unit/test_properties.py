import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses.inflection import adjectives, nouns, verbs
from lmbrain.hypotheses.properties import FULL_SHARE, PROPERTIES, evaluate, values


@pytest.mark.parametrize(
    ("lemma", "forms"),
    [
        ("hop", {"hop", "hops", "hopped", "hopping"}),
        ("hope", {"hope", "hopes", "hoped", "hoping"}),
        ("cry", {"cry", "cries", "cried", "crying"}),
        ("tie", {"tie", "ties", "tied", "tying"}),
        ("push", {"push", "pushes", "pushed", "pushing"}),
        ("throw", {"throw", "throws", "threw", "thrown", "throwing"}),
        ("agree", {"agree", "agrees", "agreed", "agreeing"}),
    ],
)
def test_verb_forms_are_those_of_english(lemma, forms):
    assert verbs(lemma) == forms


def test_noun_and_adjective_forms_are_those_of_english():
    assert nouns("box knife key") == {"box", "boxes", "knife", "knives", "key", "keys"}
    assert adjectives("happy gentle") == {"happy", "happily", "gentle", "gently"}
    assert adjectives("frantic sad") == {"frantic", "frantically", "sad", "sadly"}


HOLDS = {
    "feelings": "Her grief turned slowly to anger.",
    "social": "They thanked him and promised to visit.",
    "speech": "Nobody replied, so she shouted.",
    "physical": "He twisted the wire and hammered it flat.",
    "objects": "A kettle stood by the ladder.",
    "nature": "Beyond the meadow lay a forest.",
    "weather": "A storm brought hail.",
    "buildings": "The corridor led to a cellar.",
    "colours": "It was green and yellow.",
    "time": "Yesterday evening we met.",
    "place": "They went upstairs, towards the north.",
    "body": "His elbow hit her chin.",
    "food": "We had soup and bread.",
    "family": "My aunt is his sister.",
    "people": "The doctor saw a sailor.",
    "animals": "Two foxes chased a hen.",
    "movement": "She ran and climbed.",
    "perception": "He stared and listened.",
    "thinking": "I believe she knew.",
    "light": "A lamp glimmered.",
    "clothes": "He wore a scarf.",
    "money": "It cost a penny.",
    "danger": "The dagger was deadly.",
    "numbers": "Seven of twenty stayed.",
    "names": "Then Mary saw London.",
    "negation": "Nothing was there.",
    "modals": "You should try.",
    "first_person": "We lost our way.",
    "third_person": "He gave her this.",
    "coordination": "Slow but steady.",
    "subordination": "It broke because it was old.",
    "past_perfect": "The train had already left.",
    "quotation": '"Good," came from afar.',
    "question": "Is that so?",
    "exclamation": "What a day!",
}


@pytest.mark.parametrize("name", HOLDS)
def test_property_holds_for_a_plain_example(name):
    assert evaluate(name, HOLDS[name]) > 0.5


NEUTRAL = "This is the one of them that was for it."
ALWAYS_PRESENT = {"long_sentence", "long_words", "rare_words", "function_words"}
IN_NEUTRAL = {"numbers", "third_person", "subordination"}


@pytest.mark.parametrize("name", sorted(set(PROPERTIES) - ALWAYS_PRESENT - IN_NEUTRAL))
def test_property_does_not_hold_for_function_words(name):
    assert evaluate(name, NEUTRAL) == 0


@pytest.mark.parametrize(
    "text",
    [
        "The wind whispered through the hall.",
        "The sea had never seemed to sleep.",
        "The stubborn door would not open.",
        "The old house looked very tired.",
        "He ran like a hare.",
        "It was as cold as a grave.",
        "She looked as if she had won.",
    ],
)
def test_figures_of_speech_are_found(text):
    assert evaluate("figurative", text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The man by the old door laughed.",
        "She did not like a fuss.",
        "They would like some tea.",
        "The angry man opened the door.",
        "The wind blew through the hall.",
        "He heard the whispering of the boys.",
        "The children of the town sang.",
    ],
)
def test_literal_sentences_are_not_figures_of_speech(text):
    assert evaluate("figurative", text) == 0


def test_value_is_the_share_of_listed_words_up_to_the_full_share():
    text = "A " + "very " * 14 + "sad man."
    assert evaluate("feelings", text) == pytest.approx(1 / 17 / FULL_SHARE)


def test_past_perfect_needs_a_participle():
    assert evaluate("past_perfect", "She had a red book.") == 0


def test_names_are_not_sentence_openings_or_the_pronoun_i():
    assert evaluate("names", "Then I came. \"Why?\" I said. 'Stop!' All of it. I'm here.") == 0


def test_curly_quotes_count_as_quotes():
    assert evaluate("quotation", "\u201cGood,\u201d he said.") == 1


@settings(deadline=None)
@given(st.text(alphabet="ab cI'.!?\"-9 the", min_size=1).filter(lambda t: any(map(str.isalnum, t))))
def test_values_lie_from_0_to_1_for_any_text(text):
    found = values(list(PROPERTIES), [text])
    assert found.shape == (1, len(PROPERTIES))
    assert ((found >= 0) & (found <= 1)).all()


def test_statements_are_plain_sentences_and_differ():
    statements = [p.statement for p in PROPERTIES.values()]
    assert all(s.startswith("The sentence ") and s.endswith(".") for s in statements)
    assert len(set(statements)) == len(statements)


def test_unknown_property_and_wordless_sentence_are_refused():
    with pytest.raises(LmbrainError, match="'charm'"):
        evaluate("charm", "Some words.")
    with pytest.raises(LmbrainError, match="no word"):
        evaluate("time", "...")
