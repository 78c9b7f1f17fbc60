"""Who is in which state, in many languages: "el buzón está lleno", "Пользователь не найден", "收件人空间不足".

It is asked when none of the known phrases occurs. A rule is a pair of vocabularies, of which both must occur in one clause: so a
sentence is understood although nobody wrote it down before, and "sender unknown" is not taken for "recipient unknown". Words are
stems, separated by commas; in scripts without spaces they are found anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dynamail.protocols.reasons import HARD_REASONS, Reason

_NOUNS: Mapping[str, str] = {
    "sender": """sender, originator, absender, expéditeur, expediteur, remitente, mittente, remetente, afzender, nadawc, odesílatel, отправител,
        відправник, avsändare, avsender, afsender, lähettäj, feladó, gönderen, expeditor, 送信者, 送信元, 差出人, 发件人, 寄件者, 寄件人, 發件人, 발신자, 보낸""",
    "host": """your host, your server, your network, your mail server, sending host, sending server, sending ip, connecting ip, connecting host,
        ip-adress, ip adress, ip адрес, ip-adres, adresse ip, adresses ip, dirección ip, direccion ip, indirizzo ip, endereço ip, endereco ip, adres ip,
        ip-адрес, ip address, ip-address, your ip, votre ip, ihre ip, su ip, vostro ip, ваш ip, ip地址, ipアドレス, ip주소, client host""",
    "domain": """domain, domaine, dominio, domínio, domein, domena, domény, doména, домен, хост, ドメイン, 域名, 網域, 도메인, verkkotunnus, alan adı""",
    "person": """user, recipient, mailbox, account, addressee, email address, username, inbox, empfänger, empfaenger, benutzer, nutzer, postfach,
        konto, adressat, mailadresse, mail-adresse, teilnehmer, utilisateur, destinataire, boîte, boite, compte, adresse, abonné, usuario,
        destinatario, buzón, buzon, cuenta, dirección, direccion, casilla, utente, casella, indirizzo, usuário, utilizador, destinatário,
        caixa, conta, endereço, endereco, gebruiker, ontvanger, postbus, e-mailadres, emailadres, mailadres, adres, użytkownik, uzytkownik,
        odbiorc, skrzynk, uživatel, příjemc, schránk, účet, пользовател, получател, адрес, ящик, аккаунт, учётн, учетн, абонент, користувач,
        отримувач, одержувач, скриньк, användare, mottagare, brevlåda, bruger, bruker, modtager, mottaker, postkasse, postboks, käyttäjä,
        vastaanottaj, postilaatikko, sähköposti, felhasználó, címzett, postafiók, kullanıcı, alıcı, posta kutusu, hesap, utilizator,
        destinatarul, căsuț, корисник, потребител, ユーザ, 受信者, 宛先, アドレス, メールボックス, アカウント, 受取人, 用户, 收件人, 邮箱, 帐号, 账号, 帐户, 账户,
        地址, 用戶, 收件者, 郵箱, 使用者, 信箱, 帳號, 사용자, 수신자, 수신인, 받는, 메일박스, 계정, 메일함, 주소""",
    "message": """message, email, nachricht, mensaje, messaggio, mensagem, courriel, correo, bericht, wiadomoś, zpráv, письм, письма, сообщени,
        повідомлен, meddelande, viesti, üzenet, ileti, メール, メッセージ, 邮件, 郵件, 信件, 메일, 메시지""",
    "connection": """connection, session, concurren, verbindung, connexion, conexi, connession, conex, verbinding, połącze, spojen, соединен, подключен, сесси, 接続, 连接, 連接,
        連線, 연결""",
}
_STATES: Mapping[str, str] = {
    "absent": """not exist, never existed, nonexist, non-exist, no such, unknown, kein benutzer, kein empfänger, kein postfach, kein konto, aucun utilisateur, aucun destinataire, aucun compte, aucune boîte,
        ningún usuario, ninguna cuenta, nessun utente, nessuna casella, nenhum usuário, nenhuma conta, brak użytkownika, ingen bruker, ingen användare,
        unbekannt, existiert nicht, nicht existier, nicht gefunden, nicht vorhanden, nicht bekannt, ungültig, ungueltig, gibt es nicht,
        inconnu, inexist, n'existe, n existe, introuvable, n'a pas été trouv, invalide, non valide, desconocid, no existe, inválid, no encontrad,
        no se encontr, no se ha encontrado, no válid, no es válid, sconosciut, non esist, inesist, non valid, non è valid, non trovat, não existe,
        nao existe, não encontrad, nao encontrad, não foi encontrad, onbekend, bestaat niet, niet gevonden, ongeldig, nieznan, nie istnieje,
        nie ma takie, nie znalezion, neexistuje, neznám, nenalezen, не найден, не существ, неизвестн, несуществ, нет так, не обнаружен,
        не зарегистрирован, не числится, не знайден, не існу, невідом, okänd, finns inte, hittades inte, existerar inte, ukendt, ukjent,
        findes ikke, finnes ikke, eksisterer ikke, tuntematon, ei ole olemassa, ei löyd, ismeretlen, nem létez, nem található, bulunamadı,
        bilinmeyen, mevcut değil, necunoscut, nu exist, 見つかりません, 見つからない, 存在しません, 存在しない, 不明, 見当たりません, 不存在, 未找到, 找不到,
        无效, 無效, 没有此, 未开通, 查無, 존재하지, 없는, 없습니다, 찾을 수 없, 알 수 없""",
    "full": """over limit, over its limit, out of space, out of storage, no space, no room, no more space, at capacity, exceeded storage, storage limit, voll, überfüllt, quota, speicherplatz, kontingent, zu viele mails, zuviele mails, plein, saturé, dépass, llena, lleno, cuota, sin espacio,
        piena, pieno, esaurit, cheia, cheio, lotad, sem espaço, is vol, zit vol, przepełnion, pełna, pełny, brak miejsca, plná, přeplněn,
        переполнен, квот, нет места, недостаточно места, заполнен, full, täynnä, megtelt, dolu, いっぱい, 一杯, 容量, 満杯, 已满, 空间不足, 已滿,
        空間不足, 가득, 용량""",
    "disabled": """disabled, inactive, suspended, closed, locked, not active, no longer active, deactivated, expired, frozen, terminated, not enabled,
        dormant, gesperrt, deaktiviert, inaktiv, stillgelegt, geschlossen, désactivé, desactive, suspendu, bloqué, bloque, fermé, inactif, résilié,
        deshabilitad, suspendid, desactivad, bloquead, inactiv, cancelad, disattivat, sospes, bloccat, disabilitat, inattiv, chius,
        desativad, suspens, inativ, uitgeschakeld, geblokkeerd, gedeactiveerd, opgeheven, zablokowan, nieaktywn, wyłączon, wylaczon,
        zawieszon, zablokov, deaktiv, zrušen, заблокирован, отключен, отключён, неактив, приостановлен, деактивирован, не активен, заблокован,
        вимкнен, spärrad, avstängd, sperret, spærret, lukket, 停止, 無効, 利用できません, 使用できません, 休止, ロック, 停用, 禁用, 冻结, 封禁, 锁定, 凍結,
        暂停, 關閉, 정지, 휴면, 비활성, 해지""",
    "refused": """rejected, refused, denied, blocked, not allowed, not accepted, abgelehnt, zurückgewiesen, verweigert, nicht erlaubt, gesperrt,
        nicht verifiziert, refus, rejet, interdit, bloqu, rechazad, denegad, no permitid, no autorizad, rifiutat, respint, non consentit, non autorizzat,
        bloccat, rejeitad, recusad, não permitid, não autorizad, geweigerd, afgewezen, odrzucon, odmow, zablokowan, odmítnut, отклон, отверг, отказ,
        запрещ, заблокирован, не принят, не принима, відхилен, avvisad, avvist, afvist, hylät, elutasít, reddedildi, respins, 拒否, 拒绝, 拒絕, 受限, 거부, 차단""",
    "listed": """listed, denylist, deny list, block list, black list, blacklist, blocklist, schwarz, liste noire, lista negra, lista nera, zwarte lijst, czarn, черн, чёрн, geblokkeerd, 黑名单, 黑名單,
        ブラックリスト, 블랙""",
    "large": """too large, too big, oversize, larger than, bigger than, maximum size, size limit, exceeds the size, zu groß, zu gross, zu lang, trop volumineu, trop gros, trop grand, trop long, taille, demasiado grande, tamaño, troppo grande, dimension,
        muito grande, tamanho, te groot, grootte, za duż, zbyt duż, rozmiar, příliš velk, слишком велик, слишком больш, размер, завелик, för stor,
        for stor, liian suuri, túl nagy, çok büyük, サイズ, 大きすぎ, 过大, 過大, 太大, 大小, 크기""",
    "many": """too many, too frequent, limit exceeded, exceeded the limit, exceeds the limit, limit reached, zu viele, trop de, demasiad, troppi, troppe, muitas, muitos, demais, te veel, za dużo, zbyt wiele, příliš mnoho, слишком много, слишком част,
        превышен, för många, for mange, liian monta, 频率, 頻率, 頻度, 過多, 过多, 频繁, 頻繁, 太多, 너무 많""",
}
_PAIRS: tuple[tuple[str, str, Reason], ...] = (
    ("host", "listed", Reason.BLOCKED),
    ("host", "refused", Reason.BLOCKED),
    ("sender", "refused", Reason.REJECTED),
    ("sender", "absent", Reason.REJECTED),
    ("sender", "listed", Reason.BLOCKED),
    ("connection", "many", Reason.TOO_MANY_CONNECTIONS),
    ("message", "large", Reason.MESSAGE_TOO_BIG),
    ("person", "full", Reason.MAILBOX_FULL),
    ("person", "disabled", Reason.SUSPEND),
    ("domain", "disabled", Reason.SUSPEND),
    ("domain", "absent", Reason.HOST_UNKNOWN),
    ("person", "absent", Reason.USER_UNKNOWN),
    ("message", "many", Reason.SPEEDING),
    ("sender", "many", Reason.SPEEDING),
    ("person", "refused", Reason.FILTERED),
)
# Words that are enough without another: some decide before the pairs, the others after them.
_FIRST: tuple[tuple[Reason, str], ...] = (
    (
        Reason.VIRUS_DETECTED,
        "virus, malware, infected, trojan, вирус, вірус, ウイルス, ウィルス, 病毒, 바이러스",
    ),
    (
        Reason.SPAM_DETECTED,
        "spam, junk, unsolicited, bulk mail, bulk email, advertising, advertisement, pourriel, спам, 迷惑メール, スパム, 垃圾, 廣告, 스팸, werbung, correo no deseado, posta indesiderata",
    ),
)
_LAST: tuple[tuple[Reason, str], ...] = (
    (Reason.MAILBOX_FULL, "quota, cuota, квот, kvóta, kwota"),
    (Reason.BLOCKED, "blocked, banned, blacklisted, denylisted, blocklisted"),
    (Reason.AUTH_FAILURE, "spf, dkim, dmarc"),
    (Reason.FAILED_STARTTLS, "tls, starttls, ssl"),
    (Reason.REQUIRE_PTR, "ptr, rdns, reverse dns, reverse lookup"),
    (Reason.NO_RELAYING, "relay, relais, релей, ретрансляц, пересылк, 中继, 中繼, 中継, 릴레이"),
    (Reason.NETWORK_ERROR, "schleife, mailschleife, boucle, bucle, петл, зациклив, ループ, 循环, 迴圈"),
    (
        Reason.SECURITY_ERROR,
        """authenticat, not authorized, unauthorized, authentifizierung, anmeldung erforderlich, authentification, autenticaci, autenticazion, autenticaç, uwierzytel, аутентификац,
        авторизац, 認証, 认证, 認證, 身份验证, 인증""",
    ),
    (
        Reason.POLICY_VIOLATION,
        "policy, policies, prohibited, richtlinie, politique, política, politica, politik, polityk, политик, ポリシー, 策略, 정책",
    ),
    (
        Reason.EXPIRED,
        """timed out, expired, unreachable, no response, not responding, zeitüberschreitung, zeitlimit, abgelaufen, délai, tiempo de espera, tiempo agotado, tiempo excedido, expirad, expiré, scadut,
        tempo limite, tijdslimiet, verlopen, upłynął, истекл, истек, срок, время ожидания, время доставки, таймаут, timeout, time out, タイムアウト, 期限,
        超时, 超時, 逾時, 시간 초과, verbindung verweigert, connexion refusée, conexión rechazada, connessione rifiutata, соединение отклонено,
        отказано в соединении, 接続拒否, 接続できません, 无法连接, keine verbindung, connexion impossible, no se pudo conectar, impossibile connettersi""",
    ),
    (
        Reason.SYSTEM_ERROR,
        """internal error, server error, try again, try later, retry later, later, temporar, busy, overload, maintenance, interner fehler, interner serverfehler, erreur interne, error interno, errore interno, erro interno, interne fout, błąd wewnętrzny,
        внутренняя ошибка, ошибка сервера, 内部エラー, システムエラー, サーバエラー, 系统错误, 系統錯誤, 服务器错误, später, plus tard, ultérieurement, más tarde,
        intente de nuevo, più tardi, riprovare, mais tarde, tente novamente, later opnieuw, później, позже, позднее, пізніше, しばらく, 後ほど, 再試行,
        稍后, 稍後, 나중에, vorübergehend, temporaire, temporán, temporal, tijdelijk, tymczasow, временн, тимчасов, 一時的, 临时, 暫時, 일시적""",
    ),
)
# What else can be unknown, or not exist: then nothing is said about the recipient.
_ELSEWHERE = re.compile(
    r"\b(?:header|attachment|certificate|password|parameter|extension|charset|policy|rule|list|group|file|key|signature|"
    r"helo|ehlo|client|reverse|ptr)"
)
_CLAUSE_END = re.compile(r"[.;!?](?: |$)|[。！？；]")


def find_meaning(words: str) -> Reason | None:
    """What a simplified text says in a language that the known phrases do not cover, or None. Linear in the text."""
    return (
        _find_alone(words, _DECIDING)
        or next(filter(None, map(_find_pair, _CLAUSE_END.split(words))), None)
        or _find_alone(words, _REMAINING)
    )


def _find_alone(words: str, patterns: tuple[tuple[Reason, re.Pattern[str]], ...]) -> Reason | None:
    return next((reason for reason, pattern in patterns if pattern.search(words)), None)


def _find_pair(clause: str) -> Reason | None:
    nouns = {name for name, pattern in _NOUN_PATTERNS if pattern.search(clause)}
    if not nouns:
        return None
    states = {name for name, pattern in _STATE_PATTERNS if pattern.search(clause)}
    if "sender" in nouns or "host" in nouns:  # then "address" is theirs
        nouns = nouns - {"person", "domain"}
    found = next((reason for noun, state, reason in _PAIRS if noun in nouns and state in states), None)
    return None if found in HARD_REASONS and _ELSEWHERE.search(clause) else found


def _compile(stems: str) -> re.Pattern[str]:
    """Stems begin where a word begins, unless their script has no spaces; a whole word is not asked for."""
    listed = [" ".join(stem.split()) for stem in stems.split(",")]
    spaced = "|".join(re.escape(stem) for stem in listed if stem and ord(stem[0]) < 0x1100)
    dense = "|".join(re.escape(stem) for stem in listed if stem and ord(stem[0]) >= 0x1100)
    return re.compile(
        "|".join(part for part in (rf"(?<![^\W\d_])(?:{spaced})" if spaced else "", dense) if part)
    )


_NOUN_PATTERNS = tuple((name, _compile(stems)) for name, stems in _NOUNS.items())
_STATE_PATTERNS = tuple((name, _compile(stems)) for name, stems in _STATES.items())
_DECIDING = tuple((reason, _compile(stems)) for reason, stems in _FIRST)
_REMAINING = tuple((reason, _compile(stems)) for reason, stems in _LAST)
