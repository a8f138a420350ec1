"""Who follows a link: link-preview agents and other bots, told from people by one pattern."""

import re

# Agents that fetch a link to show it in a conversation or an index. A person who reads a page in
# the in-app browser of Viber, Facebook, Instagram or LINE has the app's name in the agent too, so
# only the fetchers' own names stand here.
_PREVIEW = re.compile(
    r"facebookexternalhit|facebookcatalog|meta-external|twitterbot|linkedinbot|slackbot|slack-img"
    r"|telegrambot|whatsapp/|discordbot|skypeuripreview|pinterestbot|vkshare|odklbot|viberbot"
    r"|redditbot|tumblr/|embedly|iframely|quora link preview|mastodon/|bluesky cardyb|snapchat"
    r"|google-pagerenderer|apple-pubsub|applebot|googlebot|bingbot|bingpreview|yandex\w*bot"
    r"|yandex\.com/bots|duckduckbot|baiduspider|petalbot|ahrefsbot|semrushbot|mj12bot|gptbot"
    r"|claudebot|ccbot|bytespider|amazonbot|headlesschrome|phantomjs|python-requests|python-urllib"
    r"|scrapy|go-http-client|java/|wget/|libwww|bot\b|crawler|spider|preview",
    re.IGNORECASE,
)


def is_preview(agent: str) -> bool:
    """Whether an agent is to be shown a page about the link rather than to be sent on.

    An empty agent is nobody's browser.
    """
    return not agent or _PREVIEW.search(agent) is not None
