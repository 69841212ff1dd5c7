"""Further everyday topics: what a sentence may be about besides the topics of word_lists."""

from __future__ import annotations

from lmbrain.hypotheses.inflection import adjectives, nouns, verbs, words

COLOURS = words(
    """amber black blackened blue bluish blonde brown coloured colored colour color colours colors
    crimson dark-blue emerald golden gray green greenish grey orange pale pink purple red
    reddish rosy scarlet turquoise violet white whitish yellow yellowish"""
)

TIME = nouns(
    """afternoon autumn century date dawn day decade dusk evening fortnight hour midday midnight
    minute moment month morning night noon second season spring summer sunrise sunset week
    weekend winter year"""
) | words(
    """after afterwards again ago already always before daily during early earlier eventually
    finally forever former formerly immediately late later latest meanwhile monday tuesday
    wednesday thursday friday saturday sunday january february april june july august september
    october november december next now nowadays often once presently previously recently seldom
    sometimes soon still suddenly then today tomorrow tonight until usually when whenever while
    yesterday yet"""
)

PLACE = words(
    """above across ahead along among around aside away back backward backwards behind below
    beneath beside between beyond down downstairs downward downwards east eastern everywhere
    far forward forwards here hither in indoors inside into left near nearby north northern
    nowhere off onto opposite out outdoors outside over past right round somewhere south
    southern there through throughout toward towards under underneath up upon upstairs upward
    upwards west western where"""
) | nouns("bottom centre center corner direction distance edge end middle place side spot top")

BODY = nouns(
    """ankle arm back beard belly blood body bone brain breast brow calf cheek chest chin ear
    elbow eye eyebrow eyelash eyelid face finger fingernail fingertip fist flesh foot forehead
    hair hand head heart heel hip jaw knee knuckle leg limb lip liver lung moustache mouth
    muscle nail neck nerve nose nostril palm rib shoulder shin skin skull spine stomach thigh
    throat thumb toe tongue tooth waist wrist"""
)

FOOD = nouns(
    """apple bacon banana barley bean beef beer berry biscuit bread breakfast broth bun butter
    cabbage cake candy carrot cheese cherry chicken chocolate cider coffee cook cookie corn
    cream crumb crust dessert dinner dough drink egg feast flour food fruit garlic grain grape
    ham honey jam juice lamb lemon lunch meal meat milk mushroom mustard nut oat onion orange
    oyster pancake pea pear pepper pickle pie plum pork porridge potato pudding rice salad
    sandwich sauce sausage snack soup spice steak stew sugar supper sweet tea toast tomato
    turnip vegetable wheat wine"""
) | verbs("bake boil chew cook dine drink eat feed fry gulp roast sip swallow taste")

FAMILY = nouns(
    """ancestor aunt baby boy bride brother child cousin dad daddy daughter family father girl
    godfather godmother grandchild granddaughter grandfather grandma grandmother grandpa
    grandparent grandson groom heir husband infant kin ma mama mamma mother mum mummy nephew
    niece orphan pa papa parent relative sister son stepfather stepmother toddler twin uncle
    widow widower wife"""
)

PEOPLE = nouns(
    """actor artist baker banker butcher captain carpenter chief clerk cobbler cook doctor driver
    farmer fisherman gentleman guard guest king knight lady lawyer lord merchant miller miner
    minister musician nurse officer painter person poet policeman pilot priest prince princess
    professor queen sailor shepherd soldier student tailor teacher thief waiter worker writer"""
)

ANIMALS = nouns(
    """animal ant ape badger bat bear beast beaver bee beetle bird bull bumblebee butterfly calf
    camel cat cattle chick cow crab cricket crocodile crow deer dog dolphin donkey dove dragon
    duck eagle elephant ewe falcon fish fly fox frog goat goose gull hare hawk hedgehog hen
    heron horse hound insect kitten lamb lion lizard mole monkey moth mouse mule owl ox parrot
    pig pigeon pony puppy rabbit rat raven rooster seal shark sheep snail snake sparrow spider
    squirrel swan tiger toad turtle wasp whale wolf worm"""
)

MOVEMENT = verbs(
    """advance amble approach arrive ascend climb come crawl cross dart dash depart descend enter
    escape flee float fly follow gallop glide go hop hurry jog journey jump leap leave limp
    march move pace pass plod race return ride roam run rush sail scramble scurry slip sneak
    sprint stagger step stride stroll stumble swim trail travel trot trudge tumble walk wander"""
)

PERCEPTION = verbs(
    """behold gaze glance glare glimpse hear listen look notice observe overhear peek peep peer
    see sense smell sniff spot stare study taste view watch witness"""
) | nouns("glance glimpse gaze odour odor scent sight smell sound noise stare taste view")

THINKING = verbs(
    """assume believe calculate conclude consider decide doubt dream expect figure forget guess
    imagine intend know learn mean plan ponder prefer realise realize recall recognise
    recognize reckon reflect remember seem suppose suspect think understand want wish wonder"""
) | nouns(
    """belief decision doubt dream idea intention knowledge memory mind opinion plan reason
    thought wisdom"""
)

LIGHT = (
    nouns(
        """beam blaze candle darkness flame flash gleam glimmer glow lamp light lightning ray shade
    shadow spark sunlight sunshine moonlight torch"""
    )
    | adjectives("bright brilliant dark dim gloomy shady shiny")
    | verbs(
        """beam blaze flash flicker gleam glimmer glint glisten glitter glow shimmer shine sparkle
    twinkle"""
    )
)

CLOTHES = nouns(
    """apron belt blouse boot bonnet button cap cape cloak clothes clothing coat collar costume
    dress glove gown hat helmet hood jacket jewel necklace pants pocket ring robe sandal scarf
    shawl shirt shoe skirt sleeve slipper sock stocking suit sweater trousers uniform veil vest
    waistcoat"""
) | verbs("dress undress wear")

MONEY = (
    nouns(
        """bargain bill cent coin cost customer debt dollar fee fortune market merchant money pay
    payment penny pound price profit purse rent shilling trade treasure wage wealth"""
    )
    | adjectives("cheap expensive poor rich wealthy")
    | verbs("afford borrow buy earn owe pay sell spend")
)

DANGER = (
    nouns(
        """accident attack battle blood crime danger dagger death enemy fight gun harm injury murder
    poison prison pistol soldier sword trap violence war weapon wound"""
    )
    | verbs("attack die drown fight hurt injure kill murder poison shoot stab strangle wound")
    | (adjectives("dangerous dead deadly violent"))
)

NEGATION = words(
    """no not never nobody none nor nothing nowhere neither without cannot hardly scarcely"""
)
NUMBERS = words(
    """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    hundred hundreds thousand thousands million millions dozen dozens first second third fourth
    fifth sixth seventh eighth ninth tenth half quarter twice double single pair"""
)
MODALS = words(
    """can could may might must ought shall should will would can't couldn't won't wouldn't
    shouldn't mustn't needn't i'll you'll he'll she'll we'll they'll i'd you'd he'd she'd we'd
    they'd"""
)
FIRST_PERSON = words(
    """i me my mine myself we us our ours ourselves i'm i've i'll i'd we're we've we'll we'd"""
)
THIRD_PERSON = words(
    """he him his himself she her hers herself they them their theirs themselves he'd he's he'll
    she'd she's she'll they'd they're they've they'll"""
)
COORDINATION = words("and but or nor yet so")
SUBORDINATION = words(
    """after although as because before if since that though till unless until when whenever where
    whereas whether which while who whom whose"""
)
FUNCTION_WORDS = (
    FIRST_PERSON
    | THIRD_PERSON
    | MODALS
    | COORDINATION
    | SUBORDINATION
    | words(
        """a about above across after against all along also am among an another any are around at
        away be been before behind being below beneath beside between both by did do does down
        during each either ever every few for from had has have having here how in inside into
        is it its itself just like many more most much near neither no not of off on once one
        only onto other out over own per same some such than the their then there these this
        those through to too toward towards under up upon very was were what with within
        without you your yours yourself"""
    )
)
