"""Every word that a reason or a profile may say, by language. Data alone: `graph.explain_words` fills the places in.

`tests/graph/test_explain_texts.py` holds the languages to the same keys and the same places.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "because": "Because you {did} {liked}: {rest}",
            "shared": "both have the {relation} {name}",
            "shared_unnamed": "both share the same {relation}",
            "direct": "{tail} is the {relation} of {head}",
            "similar_text": "its description is alike (similarity {cosine})",
            "similar_image": "it looks alike (similarity {cosine})",
            "similar_audio": "it sounds alike (similarity {cosine})",
            "people": "at least {people} people who {did} it {last} this too",
            "next": "at least {people} people {last} this after it",
            "friends": "At least {people} friends of yours {did} this",
            "friend": "{friend}, a friend of yours, {did} this",
            "people_node": "{people} people or more",
            "friends_node": "{people} friends or more",
            "profile": "You like above all {interests}.",
            "profile_none": "Nothing sets your taste apart yet.",
            "profile_lift": "{name} ({times} times as often as others)",
            "profile_favourites": "Among your favourites: {items}.",
            "profile_years": "Most of what you like is from {first} to {last}.",
            "profile_drift": "Lately more {more}, less {less}.",
            "profile_drift_more": "Lately more {more}.",
            "profile_drift_less": "Lately less {less}.",
            "profile_removed": "Left out at your wish: {names}.",
            "and": " and ",
            "comma": ", ",
        },
        "zh": {
            "because": "因为您{did}《{liked}》：{rest}",
            "shared": "两者的{relation}都是{name}",
            "shared_unnamed": "两者的{relation}相同",
            "direct": "《{tail}》是《{head}》的{relation}",
            "similar_text": "两者的简介相近（相似度 {cosine}）",
            "similar_image": "两者的画面相近（相似度 {cosine}）",
            "similar_audio": "两者的声音相近（相似度 {cosine}）",
            "people": "至少有 {people} 位{did}它的用户也{last}这一项",
            "next": "至少有 {people} 位用户在它之后{last}这一项",
            "friends": "您至少有 {people} 位好友{did}这一项",
            "friend": "您的好友 {friend} {did}这一项",
            "people_node": "{people} 位或更多用户",
            "friends_node": "{people} 位或更多好友",
            "profile": "您最喜欢的是{interests}。",
            "profile_none": "目前还看不出您与众不同的喜好。",
            "profile_lift": "{name}（频率为他人的 {times} 倍）",
            "profile_favourites": "您的最爱包括：{items}。",
            "profile_years": "您喜欢的内容大多出自 {first} 年至 {last} 年。",
            "profile_drift": "近来更多{more}，更少{less}。",
            "profile_drift_more": "近来更多{more}。",
            "profile_drift_less": "近来更少{less}。",
            "profile_removed": "已按您的要求排除：{names}。",
            "and": "和",
            "comma": "、",
        },
    }
)

VERBS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "RATED": "liked",
            "LIKED": "liked",
            "PURCHASED": "bought",
            "LISTENED": "listened to",
            "VIEWED": "viewed",
            "CLICKED": "opened",
            "CHOSEN": "chose",
        },
        "zh": {
            "RATED": "喜欢",
            "LIKED": "喜欢",
            "PURCHASED": "购买",
            "LISTENED": "收听",
            "VIEWED": "浏览",
            "CLICKED": "点开",
            "CHOSEN": "选了",
        },
    }
)
"""Relationship type of a positive interaction -> what somebody did; `CHOSEN`: a newcomer named the item."""

NOUNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "DIRECTED_BY": "director",
            "WRITTEN_BY": "writer",
            "PRODUCED_BY": "producer",
            "CINEMATOGRAPHY": "cinematographer",
            "PRODUCTION_COMPANIES": "production company",
            "SUBJECTS": "subject",
            "RATING": "content rating",
            "GENRE": "genre",
            "GENRES": "genres",
            "TAG": "tag",
            "BRAND": "brand",
            "CATEGORY": "category",
            "AUTHOR": "author",
            "ARTIST": "artist",
            "ALBUM": "album",
            "ACTOR": "actor",
            "WRITER": "writer",
            "PRODUCER": "producer",
            "COUNTRY": "country",
            "LANGUAGE": "language",
            "SEQUEL": "sequel",
            "PREQUEL": "prequel",
            "SERIES": "series",
            "MUSIC": "music",
            "EDITOR": "editor",
            "KEYWORD": "keyword",
            "SIMILAR": "similar",
        },
        "zh": {
            "DIRECTED_BY": "导演",
            "WRITTEN_BY": "编剧",
            "PRODUCED_BY": "制片人",
            "CINEMATOGRAPHY": "摄影师",
            "PRODUCTION_COMPANIES": "制作公司",
            "SUBJECTS": "题材",
            "RATING": "分级",
            "GENRE": "类型",
            "GENRES": "类型",
            "TAG": "标签",
            "BRAND": "品牌",
            "CATEGORY": "类别",
            "AUTHOR": "作者",
            "ARTIST": "艺人",
            "ALBUM": "专辑",
            "ACTOR": "演员",
            "WRITER": "编剧",
            "PRODUCER": "制片人",
            "COUNTRY": "国家",
            "LANGUAGE": "语言",
            "SEQUEL": "续集",
            "PREQUEL": "前传",
            "SERIES": "系列",
            "MUSIC": "配乐",
            "EDITOR": "剪辑",
            "KEYWORD": "关键词",
            "SIMILAR": "相近作品",
        },
    }
)
"""The last part of a relation (or a label in capitals) in words; one that is not here is shown as it is written."""

NAMES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {},
        "zh": {
            "Action": "动作",
            "Adventure": "冒险",
            "Animation": "动画",
            "Children's": "儿童",
            "Comedy": "喜剧",
            "Crime": "犯罪",
            "Documentary": "纪录",
            "Drama": "剧情",
            "Fantasy": "奇幻",
            "Film-Noir": "黑色电影",
            "Horror": "恐怖",
            "Musical": "音乐剧",
            "Mystery": "悬疑",
            "Romance": "爱情",
            "Sci-Fi": "科幻",
            "Thriller": "惊悚",
            "War": "战争",
            "Western": "西部",
        },
    }
)
"""Names of attributes that everybody translates; all others stay as the data has them."""
