"""Everyday English words by topic, written from general knowledge and from no story.

Each list names what a reader would call a sentence's topic. All hold lower-case forms as they
appear in running text. Words may stand in several lists; the joint regression sorts that out.
"""

from __future__ import annotations

from lmbrain.hypotheses.inflection import adjectives, finite, nouns, verbs, words

FEELINGS = (
    adjectives(
        """afraid amused angry annoyed anxious ashamed bewildered bitter bored calm cheerful
        confused contented courageous cruel curious delighted depressed desperate despairing
        disappointed disgusted dismayed distressed eager embarrassed envious excited fearful
        fierce fond forlorn frantic frightened furious gentle glad gloomy grateful greedy
        grieved guilty happy hateful heartbroken helpless homesick hopeful hopeless horrified
        humble hurt impatient indignant irritated jealous jolly joyful joyous lonely loving
        merry miserable moody mournful nervous outraged passionate patient pleased proud
        relieved remorseful resentful restless sad scared sentimental shaken shy sincere
        sorrowful sorry startled sulky surprised sympathetic tearful tender tense terrified
        thankful thrilled timid touched troubled uneasy unhappy upset vengeful weary wistful
        worried wretched"""
    )
    | nouns(
        """affection agony alarm ambition anger anguish anxiety awe bitterness bliss boredom calm
        compassion comfort contempt courage cruelty curiosity delight despair desire
        disappointment disgust dismay distress dread embarrassment envy excitement fear feeling
        fondness fright fury gladness gloom gratitude greed grief guilt happiness hate hatred
        heartache heartbreak hope horror hurt impatience jealousy joy kindness loneliness
        longing love malice melancholy mercy misery mood nerve panic passion patience pity
        pleasure pride rage regret relief remorse resentment sadness shame shock shyness sorrow
        spite sympathy tear temper tenderness terror thrill unhappiness wonder worry wrath
        yearning"""
    )
    | verbs(
        """adore admire amuse annoy blush cherish comfort console cry delight despair despise
        detest disappoint dread embarrass enjoy envy fear frighten grieve hate humiliate hurt
        love mourn offend pity rejoice regret resent scare sob sulk terrify tremble upset weep
        worry yearn"""
    )
)

SOCIAL = verbs(
    """abandon accept accompany accuse advise agree apologise apologize argue assist beg befriend
    betray blame bless bother bow bully celebrate cheat cheer comfort command compliment
    confess congratulate console cooperate court curse dare deceive defend deny disobey embrace
    encourage entertain escort excuse farewell flatter flirt forbid forgive gossip greet guide
    help hug humiliate ignore insult interrupt introduce invite kiss lie marry meet mislead
    mock nod obey offend oppose pardon persuade plead praise pretend promise propose protect
    punish quarrel rebuke refuse reject rescue respect reward salute scold share shun smile
    tease thank threaten trick trust urge visit warn wave welcome"""
) | nouns(
    """acquaintance ally apology argument boss celebration ceremony colleague companion company
    compliment conversation crowd deal disagreement enemy favour favor fellow foe friend
    friendship gossip greeting guest honour honor host insult invitation joke judge kiss leader
    lie manners marriage master meeting mob neighbour neighbor oath partner party praise
    promise quarrel rival rumour rumor secret servant smile stranger teammate threat tradition
    trust vow wedding"""
)

SPEECH = verbs(
    """add announce answer ask babble beg bellow call chat chatter comment complain cry declare
    demand discuss exclaim explain gasp groan growl grumble hiss inform inquire insist
    interrupt mention moan mumble murmur mutter order pronounce protest question recite remark
    repeat reply report respond roar say scream shout shriek snap speak stammer state stutter
    suggest swear talk tell utter whisper yell"""
) | nouns("""answer chat conversation language reply sentence speech story tale voice word""")

HANDLING = verbs(
    """assemble attach balance bend bind break build burn bury carry carve catch chop clamp clean
    close cover crack crush cut dig dip drag drain drill drip drop dry dump empty fasten fetch
    fill fit fix flatten fling float fold gather glue grab grasp grip hammer handle hang haul
    heat heave hit hoist hold hook hurl jam join jerk kick knead knock knot latch lay lean lift
    load lock loosen lower mash melt mend mix nail open pack peel pick pierce pile pinch place
    plug pluck polish pour press pull pump punch push put raise rattle reach release remove
    repair rip roll rub scatter scoop scrape scratch screw scrub seal shake sharpen shatter
    shove shut slam slice slide slip smash smear snap soak spill spin splash split spray spread
    squeeze stack stick stir strap stretch strike stuff swing tap tear throw thrust tie tighten
    tilt tip toss touch tow trim tug turn twist unfold unlock unpack unscrew untie unwrap wash
    wedge weigh wet wipe wrap wring yank"""
)

MATERIALS = nouns(
    """acid ash brass brick bronze cement chalk charcoal clay coal concrete copper cork cotton
    crystal dirt dust fabric fibre fiber flint foam fuel glass glue gold grease gravel gum
    iron ivory lead leather lime linen lumber marble metal mud nylon oil paint paper paste
    pitch plank plaster plastic powder resin rubber rust salt sand sawdust silk silver slate
    soap soil soot steel stone straw tar thread timber tin varnish velvet vinegar wax wire
    wood wool bump edge force friction gap gravity grip hinge hole knot layer leak lever load
    lump mass pressure scrap size slope speed surface weight"""
)

PHYSICAL_TRAITS = adjectives(
    """blunt brittle bulky coarse cracked damp dense dry dull dusty elastic flat flexible fragile
    frozen greasy hard heavy hollow hot icy leaky lightweight liquid loose lukewarm massive
    moist muddy narrow oily rigid rough rusty sharp slack slippery smooth soaked soft soggy
    solid stiff sticky thick thin tight transparent warm waterproof wet wooden woollen"""
) - {"hardly"}

OBJECTS = nouns(
    """anchor apron axe bag ball barrel basin basket bell belt bench blade blanket board boat bolt
    book bottle bowl box brace bracket broom brush bucket button cable cage candle cane canvas
    card carpet cart case chain chair chest chisel clamp clock cloth coin comb cord cradle
    crate cup curtain cushion desk dish doll drawer drum envelope fan file flag flask flute
    fork frame furniture gate glove gun hammer handle harness hat hook hose instrument jar jug
    kettle key knife ladder lamp lantern latch letter lid lock loom machine map mask mat
    mattress mirror mug nail needle net newspaper oar oven pail pan parcel peg pen pencil
    photograph picture pillow pin pipe plate plough plow pocket pole pot pump purse rag rake
    razor ribbon ring rod rope rug sack saddle saucer scissors screw screwdriver scythe sheet
    shelf shovel sieve sink spade spear spoon stick stool stove strap string stick suitcase
    sword table tack tap tape telephone tent thimble tool torch towel toy tray trunk tub
    umbrella vase wallet watch wheel whip whistle"""
)

NATURE = nouns(
    """bank bay beach boulder branch brook bush canyon cave clay cliff cloud coast creek dawn
    desert dew dusk earth field flame flood flower forest frost garden glacier grass grove
    harbour harbor hedge hill horizon ice island lake leaf marsh meadow moon moss mountain oak
    ocean path peak pebble pine plain planet plant pond pool ravine reef river rock root sea
    seed shore sky spring star stream stump sun swamp thorn tide tree trunk twig valley vine
    volcano water wave weed wood"""
)

WEATHER = nouns(
    """blizzard breeze cloud draught drizzle drought fog frost gale hail heat hurricane lightning
    mist rain rainbow raindrop shower snow snowflake storm sunshine temperature thunder
    thunderstorm weather wind"""
) | words("""cloudy foggy freezing frosty misty rainy raining snowing snowy stormy windy""")

BUILDINGS = nouns(
    """apartment attic balcony barn basement bathroom bedroom bridge building cabin castle ceiling
    cellar chamber chapel chimney church corridor cottage courtyard door doorway factory farm
    fence fireplace flat floor fountain garage gate hall hallway harbour harbor hospital hotel
    house hut inn kitchen library lighthouse lobby mill office palace passage pavement porch
    prison road roof room school shed shop stable stair staircase station steeple step store
    street tavern temple theatre theater threshold tower tunnel wall warehouse window yard"""
)

# things and events that cannot want, feel or act
INANIMATE = (
    OBJECTS
    | MATERIALS
    | NATURE
    | WEATHER
    | BUILDINGS
    | nouns(
        """afternoon air autumn city darkness day death echo engine evening fate fire fog hour
        idea light memory midnight morning music night noise past ship shadow silence smoke
        song sound stillness summer sunlight sunset thought time town train truth twilight
        village winter year moonlight"""
    )
)

# what people and animals do; said of a thing it is a figure of speech
AGENTIVE = finite(
    """accuse admire agree answer argue ask awake beckon beg bellow bite boast bow breathe brood
    chase chatter chuckle claim clap claw clutch complain confess cough crawl creep cry dance
    dare decide demand despise devour doze dream drink eat embrace envy fight flee flirt forget
    forgive frown gasp gaze giggle glare gnaw gossip greet grieve grin groan growl grumble
    guess gulp hate hesitate hide hiss hug hunt insist invite kiss kneel know laugh lick lie
    limp listen lurk march moan mock mourn mumble murmur mutter nod obey peer plead plot pray
    pretend prowl punish quarrel refuse regret rejoice remember roar scold scowl scream shiver
    shout shriek shrug sigh sing sleep slumber smile snarl sneer snore sob speak sprint squint
    stagger stalk stare steal stroll struggle stumble stutter sulk swallow swear talk tell
    think threaten tiptoe tremble try urge wait wake wander want warn watch weep whimper
    whisper whistle wink wonder worry yawn yell"""
)

# traits of minds; said of a thing they are a figure of speech
HUMAN_TRAITS = adjectives(
    """afraid angry anxious ashamed bored brave careless cheerful cruel curious eager envious
    fierce forgetful friendly furious generous gloomy grateful greedy guilty happy hopeful
    hungry ignorant impatient indifferent innocent jealous kind lazy lonely loyal merciful
    merciless merry miserable nervous patient pitiless polite proud reluctant ruthless sad
    selfish shy silent sleepy sleepless stubborn sulky suspicious thirsty timid tired
    treacherous unforgiving unhappy vain weary wise"""
)
