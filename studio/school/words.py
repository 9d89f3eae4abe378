"""The vocabulary: for every class of every attribute the ways to say it, in English and in Chinese.

Three registers each: `plain` noun phrases, `tag` words for lists (English; Chinese lists use the plain ones),
and `poem` clauses. A class that is absent here ("no boats") is never said.
"""

from __future__ import annotations

from typing import NamedTuple

Said = tuple[str, ...]


class Word(NamedTuple):
    """The ways to say one concept."""

    plain: Said
    tag: Said
    poem: Said
    zh: Said
    zh_poem: Said


WORDS: dict[str, Word] = {
    "style:ink": Word(
        (
            "an ink wash painting",
            "a monochrome ink painting",
            "a sumi ink landscape",
            "a traditional ink painting",
        ),
        ("ink wash", "ink painting", "black ink"),
        ("in five tones of ink", "brushed in black ink"),
        ("水墨画", "水墨山水", "墨色山水", "写意水墨"),
        ("墨分五色", "水墨淋漓"),
    ),
    "style:blue-green": Word(
        (
            "a blue-green landscape painting",
            "a blue and green shan shui",
            "a mineral green and azurite painting",
        ),
        ("blue-green", "blue and green", "malachite and azurite"),
        ("in azurite and malachite", "painted in blue and green"),
        ("青绿山水", "青绿画", "石青石绿"),
        ("青绿设色", "石青石绿相映"),
    ),
    "style:light-crimson": Word(
        ("a light-crimson landscape painting", "an ochre wash painting", "a pale crimson shan shui"),
        ("light crimson", "ochre wash", "russet"),
        ("in washes of ochre", "in light crimson and ink"),
        ("浅绛山水", "浅绛画", "赭石设色"),
        ("浅绛设色", "赭色温润"),
    ),
    "style:gold-on-indigo": Word(
        (
            "a gold on indigo painting",
            "a landscape in gold lines on indigo",
            "a golden line painting on dark blue silk",
        ),
        ("gold on indigo", "gold lines", "indigo"),
        ("drawn in gold on indigo", "gold lines shine on indigo"),
        ("泥金山水", "泥金画", "蓝底金线"),
        ("泥金勾勒", "金线描山"),
    ),
    "season:spring": Word(
        ("in spring", "in springtime", "in the spring season"),
        ("spring",),
        ("spring has come", "spring returns"),
        ("春天", "春景", "春色"),
        ("春回大地", "春意盎然"),
    ),
    "season:summer": Word(
        ("in summer", "in summertime", "in the summer season"),
        ("summer",),
        ("summer is green", "summer is deep"),
        ("夏天", "夏景", "夏季"),
        ("夏木阴阴", "夏意正浓"),
    ),
    "season:autumn": Word(
        ("in autumn", "in the fall", "in the autumn season"),
        ("autumn", "fall"),
        ("autumn has turned the leaves",),
        ("秋天", "秋景", "秋色"),
        ("秋意正浓", "秋色连波"),
    ),
    "season:winter": Word(
        ("in winter", "in wintertime", "with snow on the mountains"),
        ("winter", "snowy mountains"),
        ("winter covers the hills with snow",),
        ("冬天", "冬景", "雪山"),
        ("千山积雪", "寒冬雪山"),
    ),
    "hour:dawn": Word(
        ("at dawn", "at daybreak", "in the early morning"),
        ("dawn", "morning", "daybreak"),
        ("day breaks", "dawn is near"),
        ("黎明", "清晨", "拂晓"),
        ("晨光熹微", "天色初明"),
    ),
    "hour:day": Word(
        ("by day", "in daylight", "in bright daylight"),
        ("day", "daylight"),
        ("the day is bright",),
        ("白天", "白日", "日间"),
        ("天光明朗",),
    ),
    "hour:dusk": Word(
        ("at dusk", "in the evening glow", "at sundown"),
        ("dusk", "evening", "sundown"),
        ("the evening glows",),
        ("黄昏", "傍晚", "暮色"),
        ("暮色苍茫", "晚霞满天"),
    ),
    "hour:night": Word(
        ("at night", "by night", "under a night sky"),
        ("night", "night sky"),
        ("the night is deep",),
        ("夜晚", "夜色", "夜景"),
        ("夜色沉沉", "夜深人静"),
    ),
    "weather:clear": Word(
        ("in clear weather", "under a clear sky"),
        ("clear sky",),
        ("the sky is clear",),
        ("晴", "晴空"),
        ("天朗气清",),
    ),
    "weather:snow": Word(
        ("in falling snow", "while snow falls", "with snowflakes in the air"),
        ("falling snow", "snowing", "snowflakes"),
        ("snow falls without a sound",),
        ("下雪", "飘雪", "雪花"),
        ("大雪纷飞", "雪落无声"),
    ),
    "weather:rain": Word(
        ("in the rain", "while rain falls", "in slanting rain"),
        ("rain", "raining", "rainy"),
        ("the rain falls slanting",),
        ("下雨", "雨中", "细雨"),
        ("烟雨蒙蒙", "斜风细雨"),
    ),
    "mist:thin": Word(
        ("with thin mist", "in light mist", "with a little haze", "with clouds and mist"),
        ("thin mist", "light mist", "mist"),
        ("a thin mist drifts", "light mist drifts by"),
        ("薄雾", "轻雾", "轻烟", "云雾"),
        ("薄雾轻笼", "轻烟袅袅"),
    ),
    "mist:dense": Word(
        ("in dense mist", "in a sea of clouds", "wrapped in clouds and mist", "in thick fog"),
        ("dense mist", "sea of clouds", "clouds and mist", "fog"),
        ("clouds and mist wrap everything",),
        ("浓雾", "云海", "云雾缭绕", "大雾"),
        ("云雾缭绕", "云海茫茫", "烟云弥漫"),
    ),
    "water:river": Word(
        ("a winding river", "a river", "a stream"),
        ("river", "winding river"),
        ("a river winds away",),
        ("河流", "小河", "江水", "溪流"),
        ("江水蜿蜒", "一溪流水"),
    ),
    "water:lake": Word(
        ("a calm lake", "a lake", "a mirror lake"),
        ("lake", "calm lake", "reflections"),
        ("the lake is a mirror",),
        ("湖泊", "湖水", "平湖", "湖面"),
        ("湖平如镜", "湖光山色"),
    ),
    "water:waterfall": Word(
        ("a waterfall", "a tall waterfall", "a cascade"),
        ("waterfall", "cascade"),
        ("a waterfall hangs from the cliff",),
        ("瀑布", "飞瀑", "山间瀑布"),
        ("飞瀑直下", "瀑布如练"),
    ),
    "boats:1": Word(
        ("a boat", "one fishing boat", "a lone skiff", "a small boat"),
        ("boat", "1 boat", "fishing boat"),
        ("a lone boat drifts",),
        ("一只小船", "孤舟", "一叶扁舟", "一艘渔船"),
        ("孤舟独钓", "一叶轻舟"),
    ),
    "boats:2": Word(
        ("two boats", "two fishing boats", "a pair of skiffs"),
        ("two boats", "2 boats"),
        ("two boats drift",),
        ("两只小船", "双舟", "两艘渔船"),
        ("双舟泛波",),
    ),
    "boats:3": Word(
        ("three boats", "three fishing boats", "three skiffs"),
        ("three boats", "3 boats"),
        ("three boats drift",),
        ("三只小船", "三舟", "三艘渔船"),
        ("三舟并行",),
    ),
    "bridge:bridge": Word(
        ("a bridge", "a stone bridge", "an arched bridge"),
        ("bridge", "stone bridge", "arched bridge"),
        ("a bridge crosses the water",),
        ("小桥", "石桥", "拱桥", "一座桥"),
        ("小桥流水",),
    ),
    "tree:pine": Word(
        ("pine", "green pine"),
        ("pine", "pine tree"),
        ("pines stand green",),
        ("松树", "青松", "松"),
        ("松色苍翠",),
    ),
    "tree:broadleaf": Word(
        ("leafy tree", "broadleaf tree", "round tree"),
        ("leafy tree", "broadleaf tree"),
        ("leaves stir in the wind",),
        ("阔叶树", "大树", "绿树"),
        ("树影婆娑",),
    ),
    "tree:willow": Word(
        ("willow", "weeping willow"),
        ("willow", "weeping willow"),
        ("willow branches hang",),
        ("柳树", "垂柳", "杨柳"),
        ("杨柳依依",),
    ),
    "tree:bamboo": Word(
        ("bamboo",), ("bamboo",), ("bamboo whispers",), ("竹子", "翠竹", "竹"), ("竹影摇曳",)
    ),
    "tree:bare": Word(
        ("bare tree", "leafless tree"),
        ("bare tree", "leafless tree"),
        ("branches are bare",),
        ("枯树", "寒树", "落叶的树"),
        ("枯枝疏影",),
    ),
    "building:hut": Word(
        ("a hut", "a thatched hut", "a small cottage"),
        ("hut", "thatched hut", "cottage"),
        ("a hut waits on the bank",),
        ("茅屋", "草屋", "茅舍"),
        ("茅舍独立",),
    ),
    "building:pavilion": Word(
        ("a pavilion", "an open pavilion", "a small pavilion"),
        ("pavilion",),
        ("a pavilion stands open",),
        ("亭子", "凉亭", "小亭"),
        ("孤亭临风",),
    ),
    "building:pagoda": Word(
        ("a pagoda", "a tall pagoda", "a temple tower"),
        ("pagoda", "temple tower"),
        ("a pagoda rises",),
        ("宝塔", "古塔", "高塔"),
        ("古塔高耸",),
    ),
    "birds:few": Word(
        ("a few birds", "some birds in the sky"),
        ("birds", "a few birds"),
        ("a few birds pass",),
        ("几只飞鸟", "飞鸟", "几只鸟"),
        ("飞鸟掠过",),
    ),
    "birds:flock": Word(
        ("a flock of birds", "a flight of wild geese", "many birds in the sky"),
        ("flock of birds", "wild geese"),
        ("a flock flies over",),
        ("一群飞鸟", "雁群", "鸟群"),
        ("雁阵横空", "群鸟飞过"),
    ),
    "orb:sun": Word(
        ("the sun", "a red sun"),
        ("sun", "red sun"),
        ("the sun is red",),
        ("太阳", "红日", "红太阳"),
        ("一轮红日",),
    ),
    "orb:full moon": Word(
        ("a full moon", "the full moon", "a round moon"),
        ("full moon", "moon"),
        ("the moon is full",),
        ("满月", "圆月", "明月"),
        ("明月当空",),
    ),
    "orb:crescent": Word(
        ("a crescent moon", "a thin moon", "a sickle moon"),
        ("crescent moon", "crescent"),
        ("a crescent hangs in the sky",),
        ("弯月", "新月", "月牙"),
        ("弯月如钩",),
    ),
    "composition:left": Word(
        ("the mountains on the left",),
        ("mountains on the left",),
        ("the mountains stand to the left",),
        ("山在左边", "山在左侧"),
        ("左峰耸峙",),
    ),
    "composition:centre": Word(
        ("the mountains in the middle", "the mountains in the centre"),
        ("centred",),
        ("the mountains stand in the middle",),
        ("山在中央", "山在中间"),
        ("主峰居中",),
    ),
    "composition:right": Word(
        ("the mountains on the right",),
        ("mountains on the right",),
        ("the mountains stand to the right",),
        ("山在右边", "山在右侧"),
        ("右峰耸峙",),
    ),
    "peaks:one": Word(
        ("one mountain", "a single peak", "a lone mountain"),
        ("single peak", "one mountain"),
        ("a lone peak stands",),
        ("一座山", "孤峰", "一座山峰"),
        ("一峰独秀",),
    ),
    "peaks:two": Word(
        ("two mountains", "two peaks", "twin peaks"),
        ("two peaks", "twin peaks"),
        ("two peaks face each other",),
        ("两座山", "双峰", "两座山峰"),
        ("双峰对峙",),
    ),
    "peaks:several": Word(
        ("several mountains", "many peaks", "a group of peaks"),
        ("several peaks", "many mountains"),
        ("peaks crowd together",),
        ("群山", "群峰", "几座山峰"),
        ("群山环绕", "群峰连绵"),
    ),
    "height:low": Word(
        ("low hills", "gentle hills"),
        ("low hills", "gentle hills"),
        ("the hills are low",),
        ("低山", "矮山", "小山"),
        ("低山平缓",),
    ),
    "height:towering": Word(
        ("towering mountains", "high cliffs", "steep mountains"),
        ("towering", "high mountains"),
        ("cliffs tower to the sky",),
        ("高山", "高峰", "峻岭"),
        ("高耸入云", "奇峰高耸"),
    ),
}

GROVES: dict[str, dict[str, tuple[Said, Said]]] = {
    "single": {
        "pine": (
            ("one pine", "a lone pine", "one green pine", "a pine tree"),
            ("一棵松树", "一颗青松", "一棵青松", "孤松"),
        ),
        "broadleaf": (("one leafy tree", "a broadleaf tree", "a round tree"), ("一棵大树", "一棵阔叶树")),
        "willow": (("one willow", "a weeping willow", "a willow"), ("一棵柳树", "一株垂柳")),
        "bamboo": (("a clump of bamboo", "some bamboo"), ("一丛竹子", "一丛翠竹")),
        "bare": (("one bare tree", "a leafless tree", "a bare tree"), ("一棵枯树", "一株寒树")),
    },
    "several": {
        "pine": (("several pines", "a few pines", "a grove of pines"), ("几棵松树", "几棵青松", "松林")),
        "broadleaf": (("several leafy trees", "a grove of trees"), ("几棵大树", "树林")),
        "willow": (("several willows", "a row of willows"), ("几棵柳树", "几株垂柳")),
        "bamboo": (("a bamboo grove", "a bamboo thicket"), ("竹林", "一片竹林")),
        "bare": (("several bare trees", "a few leafless trees"), ("几棵枯树", "几株寒树")),
    },
}
"""grove -> tree -> (English, Chinese): the kind of tree and how many."""

SUNSET: tuple[Said, Said] = (
    ("a sunset", "a beautiful sunset", "the setting sun", "sunset over mountains"),
    ("日落", "夕阳", "落日", "夕阳西下"),
)
SUNRISE: tuple[Said, Said] = (
    ("a sunrise", "the rising sun", "sunrise over mountains"),
    ("日出", "朝阳", "旭日"),
)
GREEN_MOUNTAINS: tuple[Said, Said] = (
    ("ringed by green mountains", "surrounded by green mountains", "green mountains all around"),
    ("青山环绕", "青山", "群青山环绕"),
)
LANDSCAPE: tuple[Said, Said] = (
    (
        "a landscape",
        "a chinese landscape",
        "a shan shui painting",
        "mountains",
        "a mountain landscape",
        "a landscape painting",
    ),
    ("山水画", "山水", "一幅山水画", "国画山水", "山水风景"),
)
QUALITY: tuple[Said, Said] = (
    ("digital art", "highly detailed", "masterpiece", "beautiful", "best quality", "elegant"),
    ("意境悠远", "精美", "高清", "杰作", "细节丰富", "美丽"),
)
COMMAND: tuple[Said, Said] = (
    ("paint", "draw", "please paint", "a painting of", "a picture of"),
    ("画一幅", "请画", "画", "一幅画", "画一张"),
)
JOINTS: tuple[Said, Said] = (
    ("a", "and", "with", "of", "over", "there is", "shows", "this is"),
    ("和", "有", "的", "与", "画中有"),
)
