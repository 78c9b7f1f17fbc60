"""What the world's servers say for each reason, as phrases. The first reason whose phrase occurs decides: the order is part of it.

A phrase is one line; `reason_words` says how it is written and matched.
"""

from __future__ import annotations

from dynamail.protocols.reasons import Reason

PHRASES: tuple[tuple[Reason, str], ...] = (
    (
        Reason.SUPPRESSED,
        """
        suppression (list|database|table)
        has suppressed
        (is|was|been|recipient|address) suppressed
        previously bounced
        previously unsubscribed
        previously complained
        marked your (message|messages|mail|email|emails) as
        """,
    ),
    (
        Reason.EXPIRED,
        """
        (message|delivery|queue.|delivery attempts|retries) expired
        message * time out
        """,
    ),
    (
        Reason.FILTERED,
        """
        (recipient|user|addressee|customer|subscriber) (has |have |)(blocked|refused|rejected|declined|denied|refuses|blocks|rejects|declines) (you|your|the|this|messages|mail|email|emails|sender|delivery)
        (blocked|rejected|refused|filtered|denied|declined|discarded) by (the |your |its |)(recipient|recipients|addressee|mailbox owner|account owner|end user)( |$|'s)
        (does|do) not (wish|want) (to receive|to get|to accept|your|this|any|mail|email)
        (recipient|user|addressee|mailbox) (is |)(not accepting|does not accept|not accept|will not accept) (mail|email|messages|anything|delivery) from
        (recipient|user|mailbox|account|addressee|customer) (only |)(accepts|receives|allows|accepting|accept) (only |)(mail|messages|email|emails) (only |)from
        (recipient's|user's|personal|owner's|addressee's) * (block list|blocklist|blacklist|black list|whitelist|white list|allow list|safe list|safelist|blocked senders|block senders)
        """,
    ),
    (
        Reason.HAS_MOVED,
        """
        user not local; please try
        """,
    ),
    (
        Reason.AUTH_FAILURE,
        """
        (openspf|open-spf|spf.pobox)
        dmarc
        dkim
        sender policy framework
        because (it|this mail|the sender|this email|this message) is unauthenticated
        """,
    ),
    (
        Reason.SYSTEM_ERROR,
        """
        (grey|gray)( |-|)list
        loop alert
        duplicated message-id
        loops back to myself
        points to local host
        mail system congestion
        temporary lookup failure
        directory server failure
        not capable of selected features
        incorrectly configured
        best-preference mx
        (queue file|file|disk) (write|read) error
        could not retrieve
        relayed to non-compliant mailer
        (unable|can not|could not|failed) (to )(contact|connect to|access|query|open|reach) (the )(ldap|database|backend|user database|mysql)
        """,
    ),
    (
        Reason.SYSTEM_FULL,
        """
        (mail )system full
        insufficient system
        (server|system|filesystem|file system|spool|partition|queue|mail store) (disk |)(is |)full!
        (space|room) (left |)(in|on) (the |)(mail system|spool|server|system|queue)
        """,
    ),
    (
        Reason.SPAM_DETECTED,
        """
        (due to|as|for) spam classification
        (blacklisted|blocklisted|blocked|listed|bad|banned|prohibited|spam) (url|uri|link|domain in|links)
        (uribl|surbl)
        spamassassin
        spam (identified|suspected)
        (blocked|rejected|refused|denied|discarded) as (spam|junk)
        (identified|classified|detected|considered|marked|flagged|tagged|recognized|regarded|treated) as (a |an |probable |likely |possible |suspected |being |)(spam|junk|uce|ube|bulk|unsolicited|phish)
        (probability|likelihood|suspicion|suspected|due to|because of|score) (of |)spam
        junk (mail|email|message)( is| was| has been|) (rejected|detected|refused|blocked|not)
        spam (content|email|message|mail|score) (detected|rejected|blocked|found)
        spam content
        """,
    ),
    (
        Reason.SECURITY_ERROR,
        """
        unauthenticated (sender|user)
        resolver.rst.(auth|sender|notauthor|restrict)
        (credentials|password) (is |are )invalid
        cryptographic
        security features
        message integrity failure
        trust relationship
        (username|user name|login|user) (or|and|/) password
        (bad|invalid|wrong|incorrect) (password|credentials|login)
        (please |first |must |)(log in|login|sign in|authenticate) (first|before|to send|to relay)
        must (first |)(log in|login|sign in)
        (can not|could not|unable to|failed to) (be |)authenticate
        (login|log in|sign-in) (is |)(required|needed)
        authenticate first
        """,
    ),
    (
        Reason.SYNTAX_ERROR,
        """
        need (mail|rcpt|helo|ehlo) (command|before|first|from|to)
        (invalid|bad|wrong|illegal) (mail from|rcpt to|mail|rcpt) syntax
        sender not (yet |)(given|specified)
        """,
    ),
    (
        Reason.POLICY_VIOLATION,
        """
        (message|mail|email|content) (was |is |has been |)(blocked|rejected|refused|denied|not accepted) (due to|by|for|because of|per|under) (a |the |our |your |its |)(local|company|corporate|organization|organizational|security|content|administrative|server|site|email|mail|company security|local security|content security) (policy|rule|rules)!
        (content|message) presents a potential
        illegal attachment
        (blocked|rejected|refused|denied) (due to|by|per) (a |the |our |)(company|corporate|organization|content|administrative|mail|security) policy!
        """,
    ),
    (
        Reason.REJECTED,
        """
        from an address that has been blacklisted
        """,
    ),
    (
        Reason.ON_HOLD,
        """
        rejected: on hold
        (message|mail|email) (is|was|has been) (on hold|held) (for|pending)
        """,
    ),
    (
        Reason.FAILED_STARTTLS,
        """
        (over|use|using|with|without|requires) (a |an |)(tls|secure|encrypted) (connection|channel|session)
        """,
    ),
    (
        Reason.BAD_REPUTATION,
        """
        (poor|bad|low|very low|negative) (domain |ip |sender |network |)reputation
        reputation * (poor|bad|low|score|problem|too low|reject)
        (low|poor) * reputation
        senderscore
        sender score
        (ip|domain|sender|host) (has |)* reputation
        """,
    ),
    (
        Reason.TOO_MANY_CONNECTIONS,
        """
        connection (rate|frequency|count) limit
        (domain|ip|sender|connection) frequency limited
        (daily|maximum) (message quota|sending rate) exceeded
        too many * sessions
        """,
    ),
    (
        Reason.SPEEDING,
        """
        has sent to too many recipients this hour
        (daily|hourly|peak|sending|relay) (smtp |sending |relay |message |mail |)(relay |sending |)(limit|quota) * exceeded
        (reached|exceeded) (your|the|its) (daily|hourly|sending) (limit|quota)
        too many * (this|per|last|in an|in one) (hour|minute|day|second)
        too many (messages|emails|mails|requests|errors from|invalid recipients|unknown recipients)
        (receiving|sending|sent|arriving|coming) (mail|email|emails|messages) * (too|at a rate|at a high rate) (quickly|fast|frequently|that)
        receiving mail at a rate
        too (fast|quickly|frequently|frequent)
        rate (limit|limited|limitation|exceeded|control)
        rate-limit
        (messages|mails|emails|recipients|connections) per (hour|minute|day|second)
        (exceeded|exceeds|exceeding|over) * (message|mail|sending|email|delivery|allowed) rate
        (sending|message|mail|delivery|connection) rate (is |)(over|above|too)
        too much (mail|email|messages|traffic) (from|in|sent|received)
        excessive (volume|rate|mail|email|messages|traffic|amount)
        (exceeded|exceeding|exceeds|over|reached) (the |your |its |)(messaging|sending|message|email|mail) (limits|limit|rate)
        ratelimit
        throttl
        (exceeded|reached|exceeds|hit) * (hourly|daily|sending|rate|outgoing|message rate) (limit|quota|maximum)
        (exceeded|reached|exceeds|hit) * (per|each|this|an) (hour|day)
        (hourly|daily|sending|message) (limit|quota|rate limit) * (exceeded|reached)
        unexpected volume
        mail flood
        speeding
        try again slower
        unusual (rate|volume|traffic)
        please slow down
        slow down
        max sending rate
        message submission rate
        try to send (again )later at a lower rate
        """,
    ),
    (
        Reason.TOO_MANY_CONNECTIONS,
        """
        too many users logged in
        per-domain connection limit
        numerous attempts
        trop de connexions
        too many (concurrent|connections|connects|open connections|simultaneous|sessions|smtp sessions|recipients|rcpt)
        (connection|connections|concurrency|session) (limit|frequency limit) (exceeded|reached)
        (exceed|exceeds|exceeded|exceeding) * (connections|concurrent|simultaneous|sessions)
        (maximum|max) * (connections|sessions) (exceeded|reached|per)
        (exceeded|reached) * (recipients|recipient) (limit|per message)
        (maximum|max) number of recipients
        recipient limit (exceeded|reached)
        recipients limit exceeded
        connections from your (host|ip)
        this host already has the maximum
        no more connections
        """,
    ),
    (
        Reason.REQUIRE_PTR,
        """
        (no|missing|invalid|bad|unresolvable|generic|without|lacks|lacking|require|requires|need|needs|have|match|incorrect|wrong|proper|correct|valid) * (reverse dns|rdns|ptr record|a ptr|ptr|reverse hostname|reverse lookup|reverse mapping|reverse entry|reverse address)
        (reverse dns|rdns|ptr|ptr record|reverse lookup|reverse mapping) * (fail|failed|failure|missing|not found|not set|required|does not|not exist|not configured|invalid|mismatch)
        can not find your (reverse|reverse )hostname
        can not find your hostname
        (can not|could not|unable to|failed to|not) (resolve|find|look up) (your|client|sender|connecting|sending|the client|the sending|the connecting) (sending |client |connecting |)(ip|host|address|hostname|server)
        no (host name|hostname|host|name|reverse) * (for|of) (ip|your ip|the ip|client|your address)
        (ip|host|client|server|address) must (resolve|have a reverse)
        can not resolve your (address|ip|hostname)
        (client|your) (host|ip) * (not resolve|no reverse|not have a reverse|can not be resolved)
        unresolvable (relay )host
        (fcrdns|forward-confirmed reverse|forward confirmed)
        ip (address )lookup failed
        all mail servers must have a ptr
        reverse dns
        reverse lookup
        dns ptr
        no ptr
        """,
    ),
    (
        Reason.AUTH_FAILURE,
        """
        domainkeys
        spf (check|record|fail|failed|validation|policy|authentication|hard|neutral|softfail|error|result|and|or|sender|permerror)
        (fail|failed|fails|failing|pass|by|to|no|violates|from|missing|published|invalid|not permitted by) (spf|sender policy framework)
        spf:
        is not allowed to send mail from
        is not allowed to send (mail|email) (for|from)
        not permitted to send (mail|email) (from|for)
        unauthenticated (email|mail|message)
        authentication (check|checks|test|tests|validation) (fail|failed)
        (email|mail|message|sender|domain) * (is|was|are) (unauthenticated|not authenticated)
        (does not|did not|not) pass * authentication
        required authentication level
        sender id (check|fail|test|pra)
        sender-id
        (sender|domain|email) authentication (check|fail|failed|is required|required|results)
        arc validation
        """,
    ),
    (
        Reason.FAILED_STARTTLS,
        """
        (starttls|tls) (is )required
        (starttls|tls) (is )(needed|not available|was offered|not supported|failed|negotiation failed|handshake)
        must issue a starttls
        does not support (tls|starttls|ssl)
        not support starttls
        (tls|ssl) (negotiation|session setup|connection|handshake) (fail|failed|error|failure)
        can not start tls
        requires (tls|encryption)
        encryption (is )(required|needed)
        server certificate not (trusted|verified)
        certificate verification failed
        cipher * too weak
        tls (is )(currently )(unavailable|not available)
        no starttls
        (tls|ssl|encryption|starttls) * (mandatory|required|needed)
        (starttls|tls|tlsa|ssl) * (fail|error|unable|could not|can not|required|refused|unavailable|not available|certificate|expired)
        (fail|failed|unable|could not|can not|error) * (starttls|tls|ssl) (session|connection|channel|handshake|negotiation|encryption)
        certificate (has |is |was |)(expired|invalid|not valid|not trusted|untrusted|revoked|self-signed|mismatch)
        (mta-sts|dane) * (fail|failed|failure|policy)
        """,
    ),
    (
        Reason.NO_RELAYING,
        """
        (relay|relaying)( access| mail| operation|) (denied|not permitted|not allowed|prohibited|refused|rejected|blocked|forbidden|disabled|restricted)
        (relay|relaying) is (denied|not permitted|not allowed|prohibited|refused)
        (relay|relaying) * (denied|prohibited|not allowed|not permitted|forbidden|refused|rejected)
        (relay|relaying) (through|via) * (not|denied)
        (not|unable to|refuse to|refusing to|not allowed to|not permitted to|not authorized to|no) relay
        (no|not a|not an) (relaying|open relay|authorized relay|relay)
        not configured to relay
        that domain is not in my list of allowed rcpthosts
        (is|not) in my (list of allowed )rcpthosts
        rcpthosts
        (user|address|recipient) not local
        not a local (user|domain|address)
        (domain|host) * (is not|not) (local|hosted here|handled|served|one of our)
        not a gateway
        we do not relay
        email address is not verified
        insecure mail relay
        mail server requires authentication when attempting to send to a non-local
        this mail server requires authentication
        unauthenticated users can not relay
        authentication (is )required (for|to) (relay|send|outgoing)
        anti-relay
        trying to use me
        not an mx for this domain
        not authorized to (use|send) * (this server|mail server|through)
        sender is not allowed to relay
        """,
    ),
    (
        Reason.VIRUS_DETECTED,
        """
        virus
        malware
        virus or spam content
        trojan
        infected
        worm * (detected|found)
        (antivirus|anti-virus|ransomware|spyware)
        (attachment|attachments|file|files|extension|extensions) * (banned|blocked|not allowed|prohibited|dangerous|forbidden|suspicious)
        (banned|forbidden|dangerous|prohibited|blocked|illegal) (attachment|file|filename|extension|file type)
        (executable|exe) (file|attachment|content) * (not|reject|block)
        executable (file|attachment)
        potentially (executable|dangerous|harmful)
        email rejected due to security policies
        message was rejected because it contains prohibited (virus|content)
        eicar
        phishing * (detected|found)
        """,
    ),
    (
        Reason.REJECTED,
        """
        from (this|your|the) (sender|sender address|email address) (is |was |has been |)(rejected|refused|blocked|not accepted|denied|not allowed)
        sender (is |was |has been |)(blacklisted|blocklisted|banned)
        sender (address|domain|verify|verification|rejected|denied|refused|unknown|not|is not|does not|email)
        (bad|invalid|unknown|illegal|unverified|unresolvable|unroutable|unrouteable) sender
        (domain|address) (of|for) (the )sender
        """,
    ),
    (
        Reason.HOST_UNKNOWN,
        """
        account or domain may not exist
        domain does not exist
        (domain|host) part * (unknown|invalid|not exist|not found)
        any host (named|by that name)
        """,
    ),
    (
        Reason.MAILBOX_FULL,
        """
        (_who_|inbox|folder|storage|maildir|disk|home directory|file system|mailfolder|mail store) * (is full|full!|over quota|overquota|over its|over size|over limit)
        (full|overfull|overflowing) (mailbox|inbox)
        over (quota|the quota|its quota|their quota|disk quota|his quota|allowed quota|storage|the storage|mailbox quota|maximum storage)
        over-quota
        overquota
        quota (is |has been |was |limit |size |)(exceeded|exhausted|full|violation|violated|reached|over|overflow)
        quota * (exceed|exhaust|violation|reached)
        quota error
        (mailbox|inbox|storage|folder) limit
        (overdrawn|overran|over-ran) (his|her|its|their|the) (disk|mail|mailbox|quota)
        (exceed|exceeds|exceeded|exceeding) * (quota|storage|allocation|mailbox size|disk|space|mailbox limit|local limit)
        exceeding (the )(quota|mailbox)
        (reached|exceeds|exceeded|over) * (storage|disk|mailbox) (limit|quota|size|space|allocation)
        (mailbox|storage|disk) (size|space|quota) (limit|exceeded|full)
        out of (storage|disk|space|quota)
        (not enough|insufficient|no|no more|lack of|short of) (disk |storage |mailbox |free |available |)(space|storage|room)
        would exceed (mailbox|quota|maximum)
        would be over (the )(allowed )quota
        quota full
        (mailbox|inbox|storage|folder) (for |of |)(exceeds|exceeded|exceed|exceeding)
        no space left
        too much mail (data|is stored)
        too many (messages|mails|mail|emails) (stored )(in|on) (the |this |his |)(mailbox|folder|inbox|maildrop)
        has too many messages
        (mailbox|account|user|recipient|storage|inbox|folder) (has |is |have |)(exceeded|reached)
        user has (exceeded|reached) * (storage|quota|space)
        (account|mailbox|user) (is |has |)(currently )(over|exceeded) (its |their |)(limit|quota|storage|size)
        boite * pleine
        quota depasse
        boîte * pleine
        buzon * lleno
        casella * piena
        caixa * cheia
        (postfach|mailbox) * (voll!|überfüllt)
        speicherplatz * (erschöpft|überschritten)
        (ящик|почтовый ящик) * переполнен
        превышена квота
        メールボックス * (一杯|いっぱい|容量)
        容量 * (超|オーバー)
        邮箱 * (已满|空间不足)
        maximum (mailbox|storage) (size|capacity)
        system storage exceeded for
        mailboxfull
        shutoffquotaexceeded
        """,
    ),
    (
        Reason.MAILER_ERROR,
        """
        mailer error
        command output:
        procmail
        """,
    ),
    (
        Reason.USER_UNKNOWN,
        """
        inactive email address
        """,
    ),
    (
        Reason.SUSPEND,
        """
        mailbox disabled, not accepting messages
        (mailbox|account|user|recipient|email|login|recipient address|domain) (is |has been |was |currently |is currently |has |temporarily |is temporarily |was temporarily |has been temporarily |)(disabled|suspended|locked|frozen|inactive|deactivated|blocked|not active|expired|on hold|inactivated|dormant|closed|terminated|restricted|unavailable for use|discontinued|administratively disabled)
        (_who_) * (is |has been |was |been )(temporarily |currently |permanently |administratively |)(disabled|suspended|locked|frozen|deactivated|inactive|discontinued|terminated|closed)
        (disabled|suspended|locked|frozen|inactive|deactivated|closed|expired|dormant|blocked|terminated) (mail |email |user |recipient |)(mailbox|account|user|recipient|address|email|login)
        disabled recipient
        (user|recipient|account) (account )(is |has been |)(disabled|suspended|locked)
        has been (suspended|disabled|deactivated) * (account|mailbox|user|inactivity)
        email account that you tried to reach is (disabled|inactive)
        inactive (for|since|user|account|mailbox)
        (no longer|not been) (active|used|logged|accessed) (for|since|in)
        (over|more than|too long) * (inactive|inactivity|without)
        vacation account
        account * (abus|suspended|blocked|inactive)
        not yet activated
        has been inactive
        currently suspended
        currently not accepting
        user suspended
        mailbox (is |)frozen
        compte * (bloque|desactive|suspendu|bloqué|désactivé|ferme|inactif)
        boite du destinataire est (archivee|bloquee|inactive)
        (ящик|аккаунт|пользователь) * (заблокирован|отключен|неактивен)
        konto * (gesperrt|deaktiviert|inaktiv)
        """,
    ),
    (
        Reason.BLOCKED,
        """
        (blocked|blacklisted|blocklisted|listed|rejected|denied|banned|refused) (by|using|at|in|on|from|via|due to) (a |the |our |)(rbl|dnsbl|dnsrbl|spamhaus|spamcop|sorbs|barracuda|blacklist|blocklist|block list|black list|zen|bl|dul|dnswl|realtime|real-time|reputation|list|njabl|ordb)
        (client|sender|your|this|sending|source|relay|connecting|originating)( mail| smtp|) (host|ip|ip address|server|network|mta|address range|client) * (blocked|blacklisted|blocklisted|banned|rejected|denied|listed|refused|not allowed|not authorized|not welcome|block list|blacklist)
        client host rejected
        not (allowed|permitted|authorized|entitled) to connect
        (ip|host|domain|address|server) (is |)not (in|on) (the |our |a |your |)(whitelist|white list|allowlist|allow list)
        (refuse|refused|refuses|refusing) (connection|connections|mail|messages) from
        mail refused
        (ip|host|client|ip address) (is |)listed!
        no access from
        open (relay|proxy)
        client host blocked
        blocked using
        block(-| |)list
        black(-| |)list
        dnsbl
        dnsrbl
        (in|by|on|an|a|the|our) rbl
        rbl (check|block|reject|list|restriction|filter)
        (spamhaus|spamcop|sorbs|cloudmark|barracuda|psbl|uceprotect|abuseat|mailspike|trustedsource|proofpoint)
        (ip|host|network|server|domain|address|connection|sender|mta) * (is |was |been |temporarily |permanently |currently |)(blocked|banned|blacklisted|blocklisted|listed on|listed in|listed at)
        (blocked|banned|block) (sender |sending |)(ip|host|address range|connection|network)
        banned sending ip
        banned sender
        not accepting (connections|mail from|messages from|email from)
        (connection|connections|access|service|mail|message|email) (is |was |has been |)(refused|denied|rejected|blocked|dropped|not accepted) (from|by) (your|this|the|that) (ip|host|server|network|address|country)
        (mail|email|messages|connections|message) from (your|this|the|that|dynamic|ip|host|an|is|[) * (blocked|banned|refused|rejected|not accepted|not allowed|denied)
        (connect|connection) (from|by) * (refused|rejected|denied|blocked|dropped)
        connection (refused|rejected|dropped|denied) (by|due to|for) (policy|abuse|spam|peer's)
        refused to talk
        not accept * (dynamic|residential|dialup|dial-up)
        (dynamic|dial-up|dialup|residential|generic) (ip|address|host|pool|client)
        blocked (by|due to|for|because|from|-)
        (access|service) (denied|refused|refuse). ip
        invalid ip for sending mail
        ip (address )(is )(not allowed|not permitted|forbidden|disallowed|rejected|refused)
        (domain|host|sender|server) (is |)(not on our|not in our) (white|allow)
        (bad|poor) (sender|host) (list|history)
        your (access|email|mail) (to this mail system |)has been (rejected|blocked)
        (invalid|bad|illegal|unknown|wrong|malformed|forged|non-existent) * (helo|ehlo)!
        (helo|ehlo) (name|hostname|host|command|)( is|) (rejected|denied|refused|blocked|banned|invalid)
        (bad|invalid|forged|fake|unacceptable|dynamic) (helo|ehlo)
        (helo|ehlo) * (rejected|denied|must|should|not match|invalid|fully-qualified|fully qualified)
        (no|not) * mail from your (ip|server|host|country)
        go away
        intrusion prevention
        too many (spam|bad) (messages|commands|recipients)
        access from ip address
        ip source bloquee
        service refuse
        spam (source|sender|trap hit)
        suspicious (ip|host|client|activity from)
        (host|ip|client) not allowed
        temporarily deferred due to
        on (our|the) (block|deny|spam)
        by the (sender|domain) filter of
        s3140
        s3150
        """,
    ),
    (
        Reason.SPAM_DETECTED,
        """
        (as|is|be|considered|contains|contain|like|possible|probable|probably|suspected|identified|classified|detected|due to|for|found|high|appears to be|potential|sending|unwanted|this|suspect|generic|looks like|resembles) (a |an |)(spam|uce|ube|junk|bulk email|bulk mail|unsolicited|unsolicited bulk|phishing|scam|spammy)
        spam(-like|my|assassin| score| content| message| detected| mail| email| filter| classification| rejected|bot|ming| found| probability| points| level| pattern| characteristics|dyscore| url| reject| text| blocked| check| threshold| assassin|ness)
        (rejected|blocked|denied|refused|filtered) (as|for|because of|due to|by|by the|by our) (spam|anti-spam|antispam|content|our spam|bayes|junk)
        anti-spam
        antispam
        (ube!|uce!)
        - spam
        suspicion of (spam|being spam)
        mail content denied
        flagged as (spam|junk)
        (unusual|suspicious) sending activity
        (dbl|ivmuri)
        unsolicited (mail|email|message|bulk|commercial)
        (likely|almost certainly|probably|appears to be|highly) (spam|unsolicited|phish)
        (hits|score|points) * (required|threshold|limit|too high|over)
        gtube
        (content|message|mail|body) (was |is |has been |)(rejected|blocked|filtered) (by|due to) (content|spam|bayesian|filter)
        (message|email|mail) (looks|seems|appears) * (spam|suspicious|junk)
        (commercial|bulk|suspicious) (content|mail|email) (detected|rejected|not)
        (message|content) (contains|with) (spam|blacklisted|prohibited|banned|unacceptable|bad|objectionable) (content|url|link|word|text|phrase)
        this message (scored|has been scored)
        message (content )rejected (due to|because of) suspected
        suspicious (content|message|mail|links|due)
        spamverdacht
        (courriel|mail) * (spam refus|spam rejet)
        (похоже|является|признано|содержит) * спам
        спам
        垃圾邮件
        """,
    ),
    (
        Reason.NOT_COMPLIANT_RFC,
        """
        rfc (5322|2822|822|5321|2821|2045|2047)
        rfc(5322|2822|5321|2821)
        (not|non|non-) (rfc|compliant|rfc-compliant)
        rfc compliant
        non-rfc
        duplicate (header|from|subject|message-id|to)
        multiple (addresses|from|subject|to|headers)
        more than one (from|to|subject|date|sender|message-id|header)
        (missing|no|no valid|invalid|bad|malformed|empty|without) (a |an |the |valid |)(from|date|message-id|subject|mandatory|required|mime|content-type)( header|:| field)
        (message|messages) missing
        (from|date|subject|message-id|to) (header|field) * (missing|invalid|malformed|required)
        (header|headers) (is |are |)(missing|malformed|invalid|duplicate)
        (bare|naked) (lf|cr|linefeed|line feed|newline|carriage)
        messages with multiple
        violates (rfc|standards|the rfc)
        not (conform|comply) * (rfc|standard|specification)
        syntax of the message
        non-ascii * (header|domain)
        """,
    ),
    (
        Reason.POLICY_VIOLATION,
        """
        policy reasons
        not accepting mail with (attachments|embedded)
        mail flow rule
        administrative prohibition
        envelope blocked
        content examination
        mailing list expansion prohibited
        delivery not authorized, message refused
        header error
        (due to|against|violat|violates|violated|violation of|by|for|because of|due to our|local|site|security|company|corporate|under|our|server|content|email|mail|message|recipient|sending|administrative|organization|domain|delivery|protection|acceptable use|anti-abuse|smtp) (the |our |a |local |site |security |administrative |mail |email |content |message |sender |server |)(policy|policies)
        policy (violation|reject|rejection|restriction|restrictions|error|reason|block)
        (rejected|refused|blocked|denied) per (policy|our|local|company|site|your|the)
        (rejected|refused|blocked|denied) by (a |an |the |our |your |)(mail |email |transport |content |company |organization |server |)(policy|policies|rule|rules)
        rejected by (policy|rule|transport rule|administrator|content filter rule|an administrator|a rule|organization)
        transport.rules
        denied by (policy|rule|administrator)
        (not permitted|not allowed|prohibited|forbidden|disallowed) by * (policy|rule|administrator)
        administrative(ly|) (prohibit|prohibition|prohibited|refused|denied|blocked)
        terms of service
        disallowed (by|attachment|content)
        """,
    ),
    (
        Reason.MESSAGE_TOO_BIG,
        """
        (message|mail|email|data|content|body|attachment|header|headers|line|text|letter|msg|envelope) * (too large|too big|is large|larger than|exceeds maximum|exceeds the maximum|exceeds size|exceeded size|exceeds fixed|exceeds limit|over size|oversize|too much data)
        (too large|too big) (message|mail|email|a message|for)
        (message|mail|maximum|max|size) (size|length|size limit) (limit |)(exceed|exceeds|exceeded|limit|is|too)
        (maximum|max|maximal|allowed|permitted|fixed) (message |mail |email |)(size|length) * (exceed|reached)
        (exceed|exceeds|exceeded|exceeding) * (maximum|message|mail|size|fixed|allowed|length|attachment) (size|limit|message size|length|maximum)
        (line|size) limit exceeded
        size (limit|restriction|of the message|exceeds|exceed)
        (over|exceeding) (the )(maximum|size|allowed) (size|limit|message)
        message (file )too (big|large|long)
        size of (this|the|your) (message|mail|email) (exceeds|exceeded|is)
        (line|text|header|headers|body|data) (is |are |)too long
        mail size
        message length
        demande * taille
        taille * (depass|maximale)
        nachricht * (zu groß|zu gross)
        сообщение * слишком (велико|большое)
        """,
    ),
    (
        Reason.HAS_MOVED,
        """
        (_who_|employee|colleague|company) (has |have |)(been )(moved|relocated|changed|transferred)
        (has|have) (moved|changed) (to|their|his|her|its|email|address)
        (address|email|mailbox) (has |was |has been |been |is )(moved|changed|replaced)
        (new|changed) (email )address (is|to)
        (use|try|update) * (new|following) (email )address
        has been replaced by
        no forwarding address
        owner has changed
        moved to another
        not our (user|customer) anymore
        no longer (works|employed|with|working|at)
        left the (company|organi)
        user not local; please try
        mailbox migrated
        """,
    ),
    (
        Reason.NOT_ACCEPT,
        """
        (recipient|address|domain) has null mx
        null mx
        nullmx
        mail receiving disabled
        (does not|will not|not|never|can not) (accept|receive|accepting|receiving|accepts) (any |incoming |inbound |)(mail|email|smtp|messages) (from any|for this domain|for the domain|at all|according)
        (domain|host|server|system) * (does not|not|never) (accept|receive|accepting) (any |incoming |)(mail|email)
        (no|not) smtp service
        indicated no smtp service
        mx or srv record indicated no
        no (valid |usable |)mx (record|records|found|host|for|hosts)
        (no|not find|not find a|without) mail exchanger
        (could not) find a mail exchanger
        not find (a |any |)mx
        smtp protocol returned a permanent error
        host/domain does not accept mail
        mx (record|host) * (invalid|is empty|is null|not valid)
        no mail server
        name server: : not accept
        has no (mx|mail|a record)
        no route for current
        """,
    ),
    (
        Reason.HOST_UNKNOWN,
        """
        (domain|domain name|mail domain|recipient domain) * (is unknown|does not exist|not registered)
        """,
    ),
    (
        Reason.NETWORK_ERROR,
        """
        dns error
        host not found, try again
        (name server|host name|name service) * lookup failure
        routing loop
        unable to route
        bad connection
        """,
    ),
    (
        Reason.HOST_UNKNOWN,
        """
        (domain|host|domain name|hostname|host name|server name|destination|site|recipient domain|mail domain|destination domain|destination host) (is |was |does |has |could |can |)(not|no|never) (be |been |)(found|exist|exists|resolv|known|valid|such|located|register)
        (domain|host|hostname|server) * (does not|could not|can not|not) (exist|be found|be resolved|resolve|be located)
        (unknown|no such|nonexistent|non-existent|non-existing|invalid|bad|illegal|unresolvable|unrouteable|unroutable) (mail |recipient |destination |remote |email |)(domain|host|hostname|domain name|host name|host/domain)
        (host|domain|hostname|server) (name |name is |is |was |)(unknown|unresolvable|invalid|unregistered)
        host unknown
        (any|no) host named
        nxdomain
        name or service not known
        unrouteable (mail domain|domain|address)
        unroutable (mail domain|domain|address)
        all relevant mx records point to non-existent
        (dns|name|mx|address) (lookup|server|resolution) * (not found|no such|unknown|nonexistent|non-existent)
        bad destination (system|host|mailbox system)
        dns: no such
        domain does not exist
        host not found
        domain is not reachable
        (domain|host) must exist
        no host exists for
        account or domain may not exist
        domain mentioned in
        lookup: no such
        no address associated
        illegal host
        not a valid (domain|host)
        (address|mail) (not|in non) routable
        name service error * not found
        domain of (the )recipient
        (domaine|dominio|domínio|domein|domena|doména) * (inconnu|inexist|n'existe|introuvable|no existe|não existe|desconoc|desconhec|no encontr|não encontr|sconosciut|non esist|non trovat|bestaat niet|onbekend|nie istnieje|nieznan|neexistuje)
        domain * nicht gefunden
        домен * (не найден|не существует)
        """,
    ),
    (
        Reason.REJECTED,
        """
        (sender|from address|mail from|envelope sender|return path|from:|originator|reverse-path|sender address|sender domain|return-path)( address| domain| email|) * (rejected|denied|refused|not found|not allowed|does not exist|not exist|not verified|verify|invalid|not valid|unknown|prohibited|blacklisted|verification|unverifiable|not resolve|unresolvable|not accepted|blocked|not acceptable|could not be|not authorized|disallowed|must|unroutable|restricted|does not have permission)
        (bad|invalid|unknown|illegal|unverified|unauthorized|unresolvable|unacceptable|rejected|denied|blocked|forged|fake|restricted|null) (sender|from address|from domain|envelope sender|return path|return-path|mail from|reverse path|originator)
        (can not|could not|unable to|failed to|not) verify (the |your |)(sender|envelope|address|from)
        (sender|envelope|callout|callback|call-back) verif
        (sender|callout|callback) (callout |callback |check |lookup |)(failed|failure)
        (domain of|domain) (the )sender
        (your|sender|sending) (domain|address|email address) * (does not|not|rejected|denied|refused|no mx)
        not a member (of|on)
        are not member
        not (allowed|authorized|permitted|subscribed|a subscriber) to (post|send|submit|mail|the list|this list)
        (non-|non)member
        may not have permission to post
        (you|sender) (do|does) not have permission to (post|send|submit)
        only (members|subscribers|authenticated) (can|may|are|of)
        (posting|post) (to this|to the) (group|list) * (not|restricted|members|closed|moderated)
        from a different address or alias
        restricted to (members|authenticated|certain)
        permission to send * (recipient|group|list)
        groups.google.com
        requires authenticated sender
        authentication required; recipient
        resolver.rst.(recipientnot|permission)
        backscatter
        emetteur invalid
        empty envelope sender
        null sender
        returned mail not accepted
        not a registered gateway user
        not subscribed to this
        sender not pre-approved
        your access to submit messages
        bad sender
        traffic not accepted from
        moderat
        system detected this mail as * loop
        """,
    ),
    (
        Reason.FILTERED,
        """
        [user unknown]
        (rejected|refused) by (the |)recipient
        recipient preferences
        user rules
        only accepting mail from specific
        blocked by the recipient
        has restricted sms
        is not accepting any mail
        recipient id refuse
        envelope blocked - user
        """,
    ),
    (
        Reason.USER_UNKNOWN,
        """
        user unknown
        unknown user
        (user|recipient) is not a (member|user|customer|subscriber) of (this|our|the) (system|server|domain)
        (user|recipient|person|employee|member) (does not|no longer) (work|exist|live|reside) (here|at)
        (mailbox|account|user|recipient|address|email) (for |of |)(has been |was |is |been |)(deleted|removed|erased|canceled|cancelled)
        (unable to|could not|can not|did not|not|not able to) (find|locate|identify|recognize)( user| recipient| mailbox| account| address| the user| the recipient| the mailbox| the address| the account|)(.|$)
        (nobody|no one|noone|person) (by|with|of|called) (that|this)
        has no (account|mailbox|inbox)
        (is|was) (marked|flagged) (as )(invalid|unknown|nonexistent)
        (recipient|user|mailbox|recipient address) lookup (failed|failure|error)
        rcpt (does not exist|not found|unknown|invalid)
        (recipient|recipients|address|addressee|mailbox|user)( address|) (can not|could not) be (verified|validated|identified|located)
        recipient verify * failed
        (was|is|were) not found at!
        not a (valid|known|registered|local) (_who_)
        recipient address rejected: access denied
        bad destination mailbox
        (account|mailbox) (was |)not found
        recipient name is not recognized
        destination mailbox address ambiguous
        unknown-user
        userunknown
        nosuchuser
        (unknown|no such|nonexistent|non-existent|nonexisting|non existent|invalid|illegal|bad|undeliverable|unrecognized|not a valid|not a known|no valid|not valid|incorrect|wrong|not existing|inexistent|unregistered) (local |virtual |destination |mail |email |user |recipient |mailbox |)(_who_|users|recipients|name|id|local part|local-part|email|person here)
        (_who_|users|recipients|username|user name|email)( address| name| id| account| mailbox| alias|)( is| was| are| has|) (unknown|not exist|not found|not known|not listed|not recognized|not not valid|not defined|not registered|invalid|nonexistent|non-existent|incorrect|no longer available|no longer valid|no longer in use|no longer exist|no longer on|unroutable|unrouteable|undeliverable|not here|deleted|been deleted|removed|been removed|not in|not our|not exists|illegal|bad|not local)
        (_who_|email|username|name) * (does not|did not|not|no longer|could not|can not|has no|is not|not be|not a|not in) (exist|exists|found|be found|known|valid|listed|recognized|defined|registered|existing|a valid|a known|a registered|a local|a user|be resolved|have an account|have a mailbox|have a email|have an email|have an inbox|our|on this|on our|at this|at our)
        (does not|did not|do not|not) (have|find|know|recognize|recognise|locate|contain) * (_who_|such)
        (no|not) (a |such |)(_who_)( here| by| with| of| exist| found| for| named| called| matching| at)
        no (mailbox|user|one|body|person|account|address)( here|) by that name
        (does not|not|do not) exist (here|on|at|in)
        (user|recipient|email) does not exist
        (no|not) (our|my) (customer|user|mailbox|account|client|subscriber)
        not our user
        not known (here|at|to)
        (mailbox|address|account|user) unavailable
        (not|is not) listed in (domino|public|name|address|the|our|directory)
        not in (the |our |)(directory|address book|list of users|user list|recipient list|name & address)
        (recipient|address|addr|rcpt|user) (verification|verify|validation) fail
        recipient verify failed
        verification failed for
        (unable|failed|not) (to |)(verify|validate|find|look up) (the |)(address|recipient|mailbox|user)
        recipnotfound
        resolver.adr.(recip|exrecip|invalid|badprimary)
        recipientnotfound
        rejected recipient
        (address|recipient) (is |was |)(refused|not accepted)
        (delivery|recipient) address (is |)(incorrect|wrong|misspelled)
        this user does not have
        unrouteable address
        no local mailbox
        invalid final delivery
        no mailbox
        not a mailbox
        there is no (user|account|mailbox|such|one|email)
        that (user|account|address) does not
        no account by that name
        who does not exist
        requested action not taken: mailbox
        (this|the|your) (email |mail |)address * (could not be found|not found|does not exist|was not found|is not valid|is invalid|no longer)
        (could not|can not|not) be found
        (destinataire|utilisateur|compte|boite|boîte|messagerie) * (inconnu|inexist|invalid|n'existe|n existe|introuvable|n'a pas)
        (empfänger|benutzer|postfach|empfaenger|konto) * (unbekannt|existiert nicht|nicht gefunden|ungültig|nicht vorhanden|nicht bekannt)
        (usuario|destinatario|cuenta|dirección|buzón|buzon) * (desconocid|no existe|inexistente|inválid|no encontrad|invalid)
        (utente|destinatario|indirizzo|casella) * (sconosciut|non esist|inesistente|non valid|non trovat)
        (usuário|usuario|destinatário|endereço|conta) * (desconhecid|não existe|inexistente|inválid|não encontrad)
        (пользователь|получатель|адрес|ящик|адресат|пользователя) * (не найден|не существует|неизвестен|не обнаружен)
        (нет|несуществующий|неизвестный) (такого |)(пользовател|адрес|ящик|получател)
        geen mailbox
        onbekend
        okänd
        """,
    ),
    (
        Reason.NETWORK_ERROR,
        """
        (mail |mail forwarding |delivery |routing |email |message |forwarding |possible |)(loop|loops|looping)( detected| back|:| back to|ed| in| -| encountered|)
        too many hops
        hop count
        too many received
        (maximum|max) (hop|forward|hops)
        (forwarded|forwarding) * (maximum|too many)
        dns error
        (no route|network is unreachable|host unreachable|host is unreachable|destination unreachable|unreachable)
        (dns|name server|nameserver|name service|lookup|resolver) * (fail|failure|failed|error|timeout|problem|temporar|unable|loop)
        (can not|could not|unable to) (resolve|look up|lookup)
        (network|routing|connection) (error|problem|failure)
        (connection|connect) (reset|was dropped|dropped|broken|closed)
        lost connection
        message (has |)(looped|been forwarded)
        mx * loop
        """,
    ),
    (
        Reason.EXPIRED,
        """
        (connection|connect|connecting|operation|session|conversation|delivery|transaction|smtp|read|greeting) * (timed out|time out|timeout|timed-out)
        (timed out|timed-out|time-out) (while|waiting|in|on|during)
        connection (refused|was refused|timeout)
        all hosts * failing
        (delivery|message|time|envelope|queue|retry|message has|mail|retries) (time |attempts |)(expired|timed out|timeout exceeded|expire)
        (retry|retries) (timeout|time|limit|count) (exceeded|expired)
        (was|been|for) * (in|on) (the |)queue (too long|for|for too long|more than|over)
        too long in (the |)queue
        (could not|not|unable to|can not) (be delivered|deliver|delivered) (for|within|in|after|during) (the |more |last |over |)( than|past|\\d|last|0|1|2|3|4|5|6|7|8|9)
        (undelivered|not delivered|not been delivered|could not be sent|not be delivered|unable to deliver|could not deliver) * (hours|hour|days|day|minutes|attempts|seconds)
        delivery time expired
        no answer from host
        could not find a gateway
        after multiple retries
        not been collected
        retry time not reached
        not reachable within
        (delivery|delivered) (is |was |has been |)(delayed|delay)
        (has been|is|was) delayed
        giving up
        gave up
        (no|not|without|not received any) (answer|response|responding|respond|reply|responding.)
        not (respond|responding|accept our requests|connect successfully|reachable|answer)
        (unable|failed|not able|could not|can not) (to |)(connect|establish|contact|communicate|reach|make connection)
        (not accept|refused) (our|the|my) (requests|connection|connection request)
        queue.expired
        message expired
        will be deleted from (the |)queue
        will keep trying
        will (be |continue |continue to be |)(retr|trying|keep)
        (tried|attempted) * without success
        delivery failed * attempts
        host (is )(down|not reachable|unreachable)
        (remote|destination) (host|server|system) (is |)(down|not responding|unreachable|unavailable|did not respond|not available)
        (connection|server) * (no longer|not) (available|responding)
        abgelaufen
        (expiré|expire) dans la file
        время ожидания истекло
        """,
    ),
    (
        Reason.SYSTEM_FULL,
        """
        (insufficient|not enough|no|low) (system|server|disk) (storage|resources|space|resource)
        (disk|server|file system|filesystem) (is |)full
        queue (is |)full
        """,
    ),
    (
        Reason.SECURITY_ERROR,
        """
        (not |un)(authenticated|authorized) (sender|senders|users|user|to send)
        (authentication|authorization) (required|failed|failure|failed;|turned on|credentials|error|unsuccessful|needed|mechanism|not accepted)
        authentication (is |)required
        (username|user name|login|password) * (incorrect|invalid|wrong|fail|not accepted|required)
        (please|must|need to|first) authenticate
        (incorrect|bad|invalid|wrong) (authentication|password|credentials)
        sorry, you do not authenticate
        you are not authorized to
        security (error|violation|settings|restriction|problem|reasons)
        (account|client) not (allowed|authorized|subscribed)
        not authorized
        delivery not authorized
        verification failure
        executable files are not allowed
        """,
    ),
    (
        Reason.CONTENT_ERROR,
        """
        media (error|not supported)
        conversion required
        conversion failed
        content not available
        content error
        (content|body|message content|attachment|header|headers|subject|charset|encoding|mime|format|message body|from: header)( is| was| has been| has|) (rejected|not allowed|not accepted|invalid|not supported|unacceptable|malformed|refused|denied|blocked|bad|not acceptable)
        (malformed|invalid|unsupported|illegal|bad|corrupt|broken|improper|improperly|prohibited|unacceptable|restricted) (mime|content|message|header|headers|character|characters|charset|format|encoding|data|body|subject|attachment|formatted)
        (message|mail) (filtered|rejected) (because of|by|due to) (content|the content|its content|attachment)
        (too many|contains) (mime|attachments|nested|null|8bit|8-bit|invalid|illegal)
        (8bit|8-bit|smtputf8|utf8|utf-8|eai|internationalized|binary|non-ascii) * (not|required|unsupported|illegal)
        (conversion|convert) * (not|required|fail)
        improper use of
        html (email|mail|content|message) * (not|reject)
        (attachment|attachments) * (not|rejected|blocked|refused|stripped)
        dlp
        message * (suspicious content|improperly|not conforming)
        """,
    ),
    (
        Reason.SYNTAX_ERROR,
        """
        (syntax|parameter|command|argument|protocol) (error|not implemented|not recognized|unrecognized|ununknown|violation|parameter|not allowed|rejected|unexpected|error in)
        (bad|wrong|invalid|improper|out of) (sequence|sequence of commands|command|order|parameter|syntax|argument|arguments)
        (unknown|unrecognized|uninvalid|unimplemented|unexpected|unsupported|illegal) (smtp |)(command|verb|parameter|option|argument)
        not implemented
        malformed address
        need (mail|rcpt|helo|ehlo)
        (mail|rcpt|helo|ehlo|data) (first|required|before|expected)
        synchronization error
        improper command pipelining
        nested mail
        send (hello|helo|ehlo) first
        unbalanced
        """,
    ),
    (
        Reason.MAILER_ERROR,
        """
        command (failed|died|time limit)
        (x-unix|local delivery|delivery agent|mailer|pipe|maildrop|transport|script|program|child|process) * (fail|failed|error|died|exit|returned|crash|status|generated)
        pipe to |
        exit (code|status)
        exited with
        terminated by signal
        can not (write|create|open|lock|append)
        could not (write|create|open|lock|append)
        (lock failure|error while writing|no such file|permission denied|i/o error|broken pipe|input/output)
        killed by
        unable to (write|create|open|lock|chdir|switch)
        """,
    ),
    (
        Reason.SYSTEM_ERROR,
        """
        (system|server|local|internal|configuration|processing|database|ldap|software|temporary|temporarily|mail system|application|service|mail server|backend|queue) (error|failure|fault|config error|configuration error|misconfigur|exception|problem|malfunction|not capable|is not configured|lookup failure)
        (local |server |mail server |system |)(configuration|config) (error|problem)
        (internal|local|temporary|general|fatal|unexpected|unspecified) (server |system |)(error|failure|problem|fault)
        error in processing
        (unable|can not|could not|failed) (to |)(contact|connect to|access|query|open|reach) (the |)(ldap|database|backend|user database|mysql|storage|policy|server|verification)
        service (currently |is |temporarily |is currently |is temporarily |)(unavailable|not available|temporarily unavailable)
        (system|server|service|resources|resource) (is |are |temporarily |currently |is temporarily |)(unavailable|not accepting|busy|overload|overloaded|too busy|down|shutting down|closing|not ready|going down|under maintenance|out of)
        (try|please try|retry) (again |it |)(later|after|in)
        too busy
        (load|overloaded|heavy load)
        temporar
        out of (memory|resources|file)
        not capable
        mta * (error|fail|unable)
        maintenance
        (technical|temporary) (problem|difficult|issue)
        will not accept (mail|your message) at this time
        (unable|not able) to (process|accept|handle) (connection|connections|your|mail|message|the)
        closing (connection|transmission|channel)
        """,
    ),
    (
        Reason.FILTERED,
        """
        (rejected|refused|blocked|filtered|denied|not accepted|declined) (by|due to) (the |a |its |their |his |her |user |user's |)(recipient|recipients|user|filter|addressee|domain filter|user filter|personal|address filter)
        (recipient|user|addressee)( has|'s|) (refused|declined|denied|blocked|preferences|settings|filter|refuses|does not accept|not accepting|not accept)
        (recipient|user|mailbox|account|address) (is )(not accepting|not available|protected|restricted|unable to receive|not able to receive|not ready|can not accept|can not receive)
        (not|does not|will not|unable to|can not) accept * (mail|message|email|delivery|delivered) (from|by|to this) (you|sender|this|your|the)
        was rejected by a remote mail server
        was rejected by
        (message|mail|email) (filtered|was filtered)
        (recipient|user|addressee|mailbox) * (filters|filter|preferences)
        (challenge|confirmation|whitelist) * (required|respond|confirm)
        due to extended inactivity
        delivery to * refused
        """,
    ),
)

# So general that a specific code says more.
VAGUE_PHRASES: tuple[tuple[Reason, str], ...] = (
    (
        Reason.SECURITY_ERROR,
        """
        (access|permission) (is |was |)(denied|not allowed)
        """,
    ),
    (
        Reason.USER_UNKNOWN,
        """
        (address|recipient|user|mailbox|account) rejected(.|$)
        (does not|do not) exist(.|,|$)
        """,
    ),
)
