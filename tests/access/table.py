"""The declared permissions: an address, its methods, who may, and the thing it is about.

Who: a verb means the roles that hold it in the team of the thing, and site owners. `verb+`: some servers suffice, for
the questions start at servers. `verb!`: in person, never by a token. `verb~`: what is asked for is not there, and so
says it. `own`: whoever it belongs to, here the admin, and nobody else; `mine`: site owners too. `owner`: site owners.
`staff`: the Django admin. `agent`: the key of an agent. `proof`: what a provider signed. `all`: everybody.
`sign-in` and `scrape` have tests of their own.

What is of servers (SERVER_THINGS) is not there for whoever is narrowed to others. What belongs to a team as a whole
they look at; collections in which they may act are open to them.
"""

from __future__ import annotations

SERVER_THINGS = {"server", "key", "incident", "number", "notice", "delivery", "episode", "version", "check"}

TABLE = """
/                                               GET look
/list/                                          GET look
/servers/add/                                   GET POST look
/servers/add/<uuid:uuid>/                       GET manage                          enrolment
/servers/invitations/                           GET POST look
/servers/<uuid:uuid>/                           GET look                            server
/servers/<uuid:uuid>/edit/                      GET POST manage                     server
/servers/<uuid:uuid>/act/                       POST manage                         server
/servers/<uuid:uuid>/model/                     GET look; POST manage               server
/anomalies/                                     GET POST look
/capacity/                                      GET look
/models/                                        GET look
/demo/remove/                                   POST look
/alerts/                                        GET look
/alerts/sparks/                                 GET look
/incidents/<uuid:uuid>/                         GET look                            incident
/incidents/<uuid:uuid>/members/                 GET look                            incident
/i/<int:number>                                 GET look                            number
/rules/                                         GET look
/rules/file/                                    GET look
/rules/new/                                     GET manage
/rules/<uuid:uuid>/edit/                        GET look                            rule
/channels/                                      GET look
/silences/                                      GET look
/record/                                        GET look
/on-call/                                       GET look
/checks/                                        GET look
/checks/new/                                    GET POST manage+
/checks/<uuid:uuid>/                            GET look                            check
/checks/<uuid:uuid>/edit/                       GET POST manage                     check
/checks/<uuid:uuid>/act/                        POST manage                         check
/reports/                                       GET look; POST report+
/reports/schedules/new/                         GET POST report
/reports/schedules/<uuid:uuid>/                 GET POST report                     report_schedule
/reports/stop/<str:token>/                      GET POST all                        link
/reports/<uuid:uuid>/                           GET POST own                        report
/reports/<uuid:uuid>/<str:form>/                GET POST own                        report
/on-call/<uuid:uuid>.ics                        GET look                            schedule
/me/                                            GET POST look
/me/address/                                    GET POST look
/me/address/<str:word>/                         GET POST all                        link
/me/notifications/                              GET look
/me/sessions/                                   GET POST look
/me/tokens/                                     GET POST look
/teams/                                         GET look; POST owner
/teams/<uuid:uuid>/                             GET look; POST manage~              team
/teams/<uuid:uuid>/audit/                       GET POST manage                     team
/audit/                                         GET POST manage
/people/                                        GET owner; POST owner~
/settings/                                      GET POST manage
/settings/health/                               GET manage
/welcome/                                       GET POST look
/snapshot/                                      GET look
/acknowledge/<str:token>/                       GET POST all                        link
/invitation/<str:token>/                        GET POST all                        link
/accounts/*                                     GET POST sign-in
/agent/install.sh                               GET all
/agent/install.ps1                              GET all
/agent/bundle.sha256                            GET all
/agent/bundle.tar.gz                            GET all
/agent/ca.pem                                   GET all
/push-worker.js                                 GET all
/worker.js                                      GET all
/manifest.webmanifest                           GET all
/offline/                                       GET all
/healthz                                        GET all
/readyz                                         GET all
/metrics                                        GET scrape
/admin/*                                        GET POST staff
/api/hooks/slack                                POST proof
/api/hooks/twilio                               POST proof
/api/v1/ingest                                  POST agent
/api/v1/orders                                  GET agent
/api/v1/agent/key                               POST agent
/api/v1/enrol                                   POST all
/api/v1/acknowledge                             POST all
/api/v1/schema                                  GET look
/api/v1/live                                    GET look
/api/v1/search                                  GET look
/api/v1/store                                   GET look
/api/v1/series                                  GET look                            server?
/api/v1/fleet/today                             GET look
/api/v1/fleet/sparks                            GET look
/api/v1/fleet/latest                            GET look
/api/v1/fleet/top                               GET look
/api/v1/fleet/range                             GET look
/api/v1/moved                                   GET look
/api/v1/forecasts                               GET look
/api/v1/forecasts/what_if                       GET look
/api/v1/risks                                   GET look
/api/v1/capacity                                GET look
/api/v1/model_cards                             GET look                            server?
/api/v1/odd                                     GET look
/api/v1/anomalies                               GET look
/api/v1/anomalies/now                           GET look
/api/v1/anomalies/sensitivity                   GET look; PUT manage+
/api/v1/anomalies/<uuid:uuid>                   GET look                            episode
/api/v1/anomalies/<uuid:uuid>/normal            POST act                            episode
/api/v1/anomalies/<uuid:uuid>/not_normal        POST act                            episode
/api/v1/models                                  GET look
/api/v1/models/<uuid:uuid>                      GET look                            version
/api/v1/models/<uuid:uuid>/roll_back            POST manage                         version
/api/v1/trainings                               GET look; POST manage+
/api/v1/demo                                    GET look; DELETE manage+
/api/v1/servers                                 GET look
/api/v1/servers/bulk                            POST manage+
/api/v1/servers/<uuid:uuid>                     GET look; PATCH DELETE manage       server
/api/v1/servers/<uuid:uuid>/series              GET look                            server
/api/v1/servers/<uuid:uuid>/series.csv          GET look                            server
/api/v1/servers/<uuid:uuid>/around              GET look                            server
/api/v1/servers/<uuid:uuid>/catalogue           GET look                            server
/api/v1/servers/<uuid:uuid>/usual               GET look                            server
/api/v1/servers/<uuid:uuid>/moved               GET look                            server
/api/v1/servers/<uuid:uuid>/changes             GET look                            server
/api/v1/servers/<uuid:uuid>/events              GET look                            server
/api/v1/servers/<uuid:uuid>/keys                GET manage                          server
/api/v1/servers/<uuid:uuid>/keys/<slug:key>/revoke  POST manage                     key
/api/v1/servers/<uuid:uuid>/accept              POST manage                         server
/api/v1/servers/<uuid:uuid>/pause               POST manage                         server
/api/v1/servers/<uuid:uuid>/resume              POST manage                         server
/api/v1/servers/<uuid:uuid>/rotate              POST manage                         server
/api/v1/enrolments                              GET POST manage
/api/v1/enrolments/<uuid:uuid>                  DELETE manage                       enrolment
/api/v1/rules                                   GET look; POST manage
/api/v1/rules/preview                           POST manage
/api/v1/rules/file                              GET look; POST manage
/api/v1/rules/<uuid:uuid>                       GET look; PUT PATCH DELETE manage   rule
/api/v1/channels                                GET look; POST manage
/api/v1/channels/kinds                          GET look
/api/v1/channels/<uuid:uuid>                    GET look; PUT PATCH DELETE manage   channel
/api/v1/channels/<uuid:uuid>/test               POST manage                         channel
/api/v1/chains                                  GET look; POST manage
/api/v1/chains/<uuid:uuid>                      GET look; PUT PATCH DELETE manage   chain
/api/v1/schedules                               GET look; POST manage
/api/v1/schedules/<uuid:uuid>                   GET look; PUT PATCH DELETE manage   schedule
/api/v1/schedules/<uuid:uuid>/now               GET look                            schedule
/api/v1/schedules/<uuid:uuid>/shifts            GET look                            schedule
/api/v1/schedules/<uuid:uuid>/overrides         POST act                            schedule
/api/v1/schedules/<uuid:uuid>/overrides/<uuid:override>  DELETE act                 override
/api/v1/people                                  GET look
/api/v1/preferences                             GET PUT PATCH look
/api/v1/push/key                                GET look
/api/v1/push/subscriptions                      POST DELETE look
/api/v1/ways                                    GET POST look
/api/v1/ways/<uuid:uuid>                        GET PUT PATCH DELETE own            way
/api/v1/ways/<uuid:uuid>/test                   POST own                            way
/api/v1/views                                   GET POST look
/api/v1/views/<uuid:uuid>                       GET PUT PATCH DELETE own            view
/api/v1/incidents                               GET look
/api/v1/incidents/<uuid:uuid>                   GET look                            incident
/api/v1/incidents/<uuid:uuid>/timeline          GET look                            incident
/api/v1/incidents/<uuid:uuid>/acknowledge       POST act                            incident
/api/v1/incidents/<uuid:uuid>/unacknowledge     POST act                            incident
/api/v1/incidents/<uuid:uuid>/resolve           POST act                            incident
/api/v1/incidents/<uuid:uuid>/note              POST act                            incident
/api/v1/silences                                GET look; POST act
/api/v1/silences/preview                        POST act
/api/v1/silences/<uuid:uuid>                    GET look; PUT PATCH act             silence
/api/v1/silences/<uuid:uuid>/end                POST act                            silence
/api/v1/reports                                 GET look
/api/v1/report_runs                             GET look; POST report+
/api/v1/report_runs/<uuid:uuid>                 GET DELETE own                      report
/api/v1/report_runs/<uuid:uuid>/cancel          POST own                            report
/api/v1/report_runs/<uuid:uuid>/document        GET own                             report
/api/v1/report_runs/<uuid:uuid>/file            GET own                             report
/api/v1/report_schedules                        GET look; POST report
/api/v1/report_schedules/<uuid:uuid>            GET look; PUT PATCH DELETE report   report_schedule
/api/v1/checks                                  GET look; POST manage+
/api/v1/checks/try                              POST manage+
/api/v1/checks/<uuid:uuid>                      GET look; PUT PATCH DELETE manage   check
/api/v1/checks/<uuid:uuid>/test                 POST manage                         check
/api/v1/checks/<uuid:uuid>/pause                POST manage                         check
/api/v1/checks/<uuid:uuid>/resume               POST manage                         check
/api/v1/checks/<uuid:uuid>/history              GET look                            check
/api/v1/checks/<uuid:uuid>/signals              GET look                            check
/api/v1/checks/<uuid:uuid>/events               GET look                            check
/api/v1/notices                                 GET look
/api/v1/notices/<uuid:uuid>                     GET look                            notice
/api/v1/deliveries                              GET look
/api/v1/deliveries/<uuid:uuid>                  GET look                            delivery
/api/v1/deliveries/<uuid:uuid>/retry            POST act                            delivery
/api/v1/me                                      GET PATCH look
/api/v1/tokens                                  GET look; POST look!
/api/v1/tokens/<uuid:uuid>                      DELETE mine                         token
/api/v1/sessions                                GET DELETE look!
/api/v1/sessions/<uuid:uuid>                    DELETE own!                         session
/api/v1/teams                                   GET look; POST owner!
/api/v1/teams/<uuid:uuid>                       GET look; PATCH manage!; DELETE owner  team
/api/v1/teams/<uuid:uuid>/members               GET look                            team
/api/v1/teams/<uuid:uuid>/members/<uuid:person> PATCH manage!; DELETE manage        member
/api/v1/teams/<uuid:uuid>/invitations           GET manage; POST manage!            team
/api/v1/teams/<uuid:uuid>/invitations/<uuid:invitation>  POST manage!; DELETE manage  invitation
/api/v1/audit                                   GET manage
/api/v1/accounts                                GET owner
/api/v1/accounts/<uuid:uuid>                    GET owner; PATCH owner!             person
/api/v1/accounts/<uuid:uuid>/reset-link         POST owner!                         person
/api/v1/limits                                  GET owner
/api/v1/limits/<str:uuid>                       DELETE manage~                      link
"""
