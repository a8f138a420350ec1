"""Agents: who is shown a page about a link, and who is sent on."""

import pytest

from referrals.domain.agents import is_preview

SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0"


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param("facebookexternalhit/1.1 (+http://www.facebook.com/)", id="Facebook"),
        pytest.param("meta-externalagent/1.1", id="Meta"),
        pytest.param("facebookexternalhit/1.1;line-poker/1.0", id="LINE"),
        pytest.param("WhatsApp/2.23.20.0 A", id="WhatsApp"),
        pytest.param("TelegramBot (like TwitterBot)", id="Telegram"),
        pytest.param("Twitterbot/1.0", id="X"),
        pytest.param("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", id="Slack"),
        pytest.param("Mozilla/5.0 (compatible; Discordbot/2.0)", id="Discord"),
        pytest.param("LinkedInBot/1.0 (compatible; Mozilla/5.0)", id="LinkedIn"),
        pytest.param("Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)", id="VK"),
        pytest.param("Mozilla/5.0 SkypeUriPreview Preview/0.5", id="Skype"),
        pytest.param(
            "Mozilla/5.0 (compatible; Snap URL Preview Service; bot; snapchat;)", id="Snapchat"
        ),
        pytest.param("Snapchat Creative Kit Web Share Google-HTTP-Java-Client", id="Snap kit"),
        pytest.param("http.rb/5.1.1 (Mastodon/4.2.1; +https://social.example/)", id="Mastodon"),
        pytest.param("Mozilla/5.0 (compatible; Googlebot/2.1)", id="Google"),
        pytest.param("Mozilla/5.0 (compatible; bingbot/2.0)", id="Bing"),
        pytest.param("Mozilla/5.0 (compatible; YandexBot/3.0)", id="Yandex"),
        pytest.param("Mozilla/5.0 (compatible; SomethingNewBot/0.1)", id="a bot of tomorrow"),
        pytest.param("python-requests/2.32.0", id="a script"),
        pytest.param("", id="no agent at all"),
    ],
)
def test_who_fetches_a_link_to_show_it_is_shown_a_page_about_it(agent: str) -> None:
    assert is_preview(agent)


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(f"{SAFARI} Version/17.4 Mobile/15E148 Safari/604.1", id="Safari"),
        pytest.param(f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}", id="Chrome"),
        pytest.param("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Firefox/125.0", id="Firefox"),
        pytest.param(f"{SAFARI} Mobile/15E148 [FBAN/FBIOS;FBAV/460.0.0.32.108]", id="Facebook"),
        pytest.param(f"{SAFARI} Mobile/15E148 Instagram 330.0.0.16.93", id="Instagram"),
        pytest.param(f"{SAFARI} Mobile/15E148 Viber/22.0.0", id="Viber"),
        pytest.param(f"{SAFARI} Safari Line/14.5.0", id="LINE"),
        pytest.param(f"{SAFARI} Mobile/15E148 Snapchat/12.82.0.35 (like Safari)", id="Snapchat"),
        pytest.param(f"{SAFARI} Mobile/15E148 [Pinterest/iOS]", id="Pinterest"),
        pytest.param(f"{SAFARI} Mobile/15E148 LinkedInApp/9.29", id="LinkedIn"),
        pytest.param(f"Mozilla/5.0 (Linux; Android 13) {CHROME} Telegram-Android/10.9", id="TG"),
        pytest.param(f"Mozilla/5.0 (Linux; Android 9; CUBOT X19) {CHROME}", id="a CUBOT phone"),
        pytest.param(f"Mozilla/5.0 (Linux; Android 8.0.0; CUBOT_P20) {CHROME}", id="CUBOT P20"),
        pytest.param(f"Mozilla/5.0 (Windows NT 10.0) {CHROME} YaBrowser/24.4", id="Yandex"),
        pytest.param("curl/8.5.0", id="somebody at a terminal"),
    ],
)
def test_people_are_sent_on_whatever_app_they_read_in(agent: str) -> None:
    assert not is_preview(agent)
