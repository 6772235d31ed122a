//! Every country with its codes, its names and the zones that it uses.
//!
//! Codes and names are those of ISO 3166-1 and of everyday use, lower-case and without accents or punctuation. The
//! zones are those of the IANA time-zone database 2025b (`zone.tab`, public domain): of zones of one country that
//! have kept the same time since June 2025 one stands for all. Uninhabited islands have none. Kosovo has the code `XK`,
//! which ISO leaves to its users and most systems of shops have taken up.

use chrono_tz::Tz;

use crate::primitives::zone::Zone;

/// One country.
pub(super) struct Country {
    pub(super) alpha2: &'static str,
    pub(super) alpha3: &'static str,
    /// Lower-case names, separated by ` | `.
    pub(super) names: &'static str,
    pub(super) zones: &'static [Zone],
}

macro_rules! countries {
    ($($alpha2:ident $alpha3:ident $names:literal [$($zone:ident)*];)*) => {
        /// All countries, by their two-letter code.
        pub(super) static COUNTRIES: &[Country] = &[$(Country {
            alpha2: stringify!($alpha2),
            alpha3: stringify!($alpha3),
            names: $names,
            zones: &[$(Zone(Tz::$zone)),*],
        }),*];
    };
}

countries! {
    AD AND "andorra" [Europe__Andorra];
    AE ARE "united arab emirates | uae | u a e | emirates" [Asia__Dubai];
    AF AFG "afghanistan" [Asia__Kabul];
    AG ATG "antigua and barbuda | antigua" [America__Antigua];
    AI AIA "anguilla" [America__Anguilla];
    AL ALB "albania" [Europe__Tirane];
    AM ARM "armenia" [Asia__Yerevan];
    AO AGO "angola" [Africa__Luanda];
    AQ ATA "antarctica"
        [Antarctica__McMurdo Antarctica__Casey Antarctica__Davis Antarctica__DumontDUrville Antarctica__Mawson
        Antarctica__Palmer Antarctica__Syowa Antarctica__Troll];
    AR ARG "argentina" [America__Argentina__Buenos_Aires];
    AS ASM "american samoa" [Pacific__Pago_Pago];
    AT AUT "austria | osterreich" [Europe__Vienna];
    AU AUS "australia"
        [Australia__Sydney Australia__Brisbane Australia__Adelaide Australia__Darwin Australia__Perth Australia__Eucla
        Australia__Lord_Howe];
    AW ABW "aruba" [America__Aruba];
    AX ALA "aland islands | aland" [Europe__Mariehamn];
    AZ AZE "azerbaijan" [Asia__Baku];
    BA BIH "bosnia and herzegovina | bosnia" [Europe__Sarajevo];
    BB BRB "barbados" [America__Barbados];
    BD BGD "bangladesh" [Asia__Dhaka];
    BE BEL "belgium | belgie | belgique" [Europe__Brussels];
    BF BFA "burkina faso" [Africa__Ouagadougou];
    BG BGR "bulgaria" [Europe__Sofia];
    BH BHR "bahrain" [Asia__Bahrain];
    BI BDI "burundi" [Africa__Bujumbura];
    BJ BEN "benin" [Africa__PortoNovo];
    BL BLM "saint barthelemy" [America__St_Barthelemy];
    BM BMU "bermuda" [Atlantic__Bermuda];
    BN BRN "brunei | brunei darussalam" [Asia__Brunei];
    BO BOL "bolivia | bolivia plurinational state of" [America__La_Paz];
    BQ BES "bonaire sint eustatius and saba | caribbean netherlands | bonaire" [America__Kralendijk];
    BR BRA "brazil | brasil" [America__Noronha America__Sao_Paulo America__Manaus America__Rio_Branco];
    BS BHS "bahamas" [America__Nassau];
    BT BTN "bhutan" [Asia__Thimphu];
    BV BVT "bouvet island" [];
    BW BWA "botswana" [Africa__Gaborone];
    BY BLR "belarus" [Europe__Minsk];
    BZ BLZ "belize" [America__Belize];
    CA CAN "canada"
        [America__St_Johns America__Halifax America__BlancSablon America__Toronto America__Atikokan America__Winnipeg
        America__Regina America__Edmonton America__Creston America__Vancouver];
    CC CCK "cocos keeling islands | cocos islands" [Indian__Cocos];
    CD COD "democratic republic of the congo | congo democratic republic of the | congo the democratic republic of the \
        | dr congo | congo kinshasa | zaire"
        [Africa__Kinshasa Africa__Lubumbashi];
    CF CAF "central african republic" [Africa__Bangui];
    CG COG "congo | republic of the congo | congo brazzaville" [Africa__Brazzaville];
    CH CHE "switzerland | schweiz | suisse" [Europe__Zurich];
    CI CIV "cote d ivoire | ivory coast" [Africa__Abidjan];
    CK COK "cook islands" [Pacific__Rarotonga];
    CL CHL "chile" [America__Santiago America__Coyhaique Pacific__Easter];
    CM CMR "cameroon" [Africa__Douala];
    CN CHN "china | people s republic of china | mainland china | prc" [Asia__Shanghai Asia__Urumqi];
    CO COL "colombia" [America__Bogota];
    CR CRI "costa rica" [America__Costa_Rica];
    CU CUB "cuba" [America__Havana];
    CV CPV "cabo verde | cape verde" [Atlantic__Cape_Verde];
    CW CUW "curacao" [America__Curacao];
    CX CXR "christmas island" [Indian__Christmas];
    CY CYP "cyprus" [Asia__Nicosia];
    CZ CZE "czechia | czech republic" [Europe__Prague];
    DE DEU "germany | deutschland" [Europe__Berlin];
    DJ DJI "djibouti" [Africa__Djibouti];
    DK DNK "denmark | danmark" [Europe__Copenhagen];
    DM DMA "dominica" [America__Dominica];
    DO DOM "dominican republic" [America__Santo_Domingo];
    DZ DZA "algeria" [Africa__Algiers];
    EC ECU "ecuador" [America__Guayaquil Pacific__Galapagos];
    EE EST "estonia" [Europe__Tallinn];
    EG EGY "egypt" [Africa__Cairo];
    EH ESH "western sahara" [Africa__El_Aaiun];
    ER ERI "eritrea" [Africa__Asmara];
    ES ESP "spain | espana | canary islands" [Europe__Madrid Atlantic__Canary];
    ET ETH "ethiopia" [Africa__Addis_Ababa];
    FI FIN "finland | suomi" [Europe__Helsinki];
    FJ FJI "fiji" [Pacific__Fiji];
    FK FLK "falkland islands | falkland islands malvinas" [Atlantic__Stanley];
    FM FSM "micronesia | micronesia federated states of | federated states of micronesia"
        [Pacific__Chuuk Pacific__Pohnpei];
    FO FRO "faroe islands" [Atlantic__Faroe];
    FR FRA "france | metropolitan france" [Europe__Paris];
    GA GAB "gabon" [Africa__Libreville];
    GB GBR "united kingdom | united kingdom of great britain and northern ireland \
        | great britain | britain | england | scotland | wales | northern ireland | uk | u k"
        [Europe__London];
    GD GRD "grenada" [America__Grenada];
    GE GEO "georgia" [Asia__Tbilisi];
    GF GUF "french guiana" [America__Cayenne];
    GG GGY "guernsey" [Europe__Guernsey];
    GH GHA "ghana" [Africa__Accra];
    GI GIB "gibraltar" [Europe__Gibraltar];
    GL GRL "greenland" [America__Nuuk America__Danmarkshavn America__Thule];
    GM GMB "gambia" [Africa__Banjul];
    GN GIN "guinea" [Africa__Conakry];
    GP GLP "guadeloupe" [America__Guadeloupe];
    GQ GNQ "equatorial guinea" [Africa__Malabo];
    GR GRC "greece | hellas" [Europe__Athens];
    GS SGS "south georgia and the south sandwich islands" [Atlantic__South_Georgia];
    GT GTM "guatemala" [America__Guatemala];
    GU GUM "guam" [Pacific__Guam];
    GW GNB "guinea bissau" [Africa__Bissau];
    GY GUY "guyana" [America__Guyana];
    HK HKG "hong kong | hong kong sar | hong kong sar china" [Asia__Hong_Kong];
    HM HMD "heard island and mcdonald islands" [];
    HN HND "honduras" [America__Tegucigalpa];
    HR HRV "croatia | hrvatska" [Europe__Zagreb];
    HT HTI "haiti" [America__PortauPrince];
    HU HUN "hungary" [Europe__Budapest];
    ID IDN "indonesia" [Asia__Jakarta Asia__Makassar Asia__Jayapura];
    IE IRL "ireland | republic of ireland | eire" [Europe__Dublin];
    IL ISR "israel" [Asia__Jerusalem];
    IM IMN "isle of man" [Europe__Isle_of_Man];
    IN IND "india" [Asia__Kolkata];
    IO IOT "british indian ocean territory" [Indian__Chagos];
    IQ IRQ "iraq" [Asia__Baghdad];
    IR IRN "iran | iran islamic republic of | islamic republic of iran" [Asia__Tehran];
    IS ISL "iceland" [Atlantic__Reykjavik];
    IT ITA "italy | italia" [Europe__Rome];
    JE JEY "jersey | channel islands" [Europe__Jersey];
    JM JAM "jamaica" [America__Jamaica];
    JO JOR "jordan" [Asia__Amman];
    JP JPN "japan" [Asia__Tokyo];
    KE KEN "kenya" [Africa__Nairobi];
    KG KGZ "kyrgyzstan" [Asia__Bishkek];
    KH KHM "cambodia" [Asia__Phnom_Penh];
    KI KIR "kiribati" [Pacific__Tarawa Pacific__Kanton Pacific__Kiritimati];
    KM COM "comoros" [Indian__Comoro];
    KN KNA "saint kitts and nevis" [America__St_Kitts];
    KP PRK "north korea | korea democratic people s republic of | democratic people s republic of korea"
        [Asia__Pyongyang];
    KR KOR "south korea | korea republic of | republic of korea | korea" [Asia__Seoul];
    KW KWT "kuwait" [Asia__Kuwait];
    KY CYM "cayman islands" [America__Cayman];
    KZ KAZ "kazakhstan" [Asia__Almaty];
    LA LAO "laos | lao people s democratic republic" [Asia__Vientiane];
    LB LBN "lebanon" [Asia__Beirut];
    LC LCA "saint lucia" [America__St_Lucia];
    LI LIE "liechtenstein" [Europe__Vaduz];
    LK LKA "sri lanka" [Asia__Colombo];
    LR LBR "liberia" [Africa__Monrovia];
    LS LSO "lesotho" [Africa__Maseru];
    LT LTU "lithuania" [Europe__Vilnius];
    LU LUX "luxembourg" [Europe__Luxembourg];
    LV LVA "latvia" [Europe__Riga];
    LY LBY "libya | libyan arab jamahiriya" [Africa__Tripoli];
    MA MAR "morocco" [Africa__Casablanca];
    MC MCO "monaco" [Europe__Monaco];
    MD MDA "moldova | moldova republic of | republic of moldova" [Europe__Chisinau];
    ME MNE "montenegro" [Europe__Podgorica];
    MF MAF "saint martin | saint martin french part" [America__Marigot];
    MG MDG "madagascar" [Indian__Antananarivo];
    MH MHL "marshall islands" [Pacific__Majuro];
    MK MKD "north macedonia | macedonia" [Europe__Skopje];
    ML MLI "mali" [Africa__Bamako];
    MM MMR "myanmar | burma" [Asia__Yangon];
    MN MNG "mongolia" [Asia__Ulaanbaatar Asia__Hovd];
    MO MAC "macao | macau | macao sar china" [Asia__Macau];
    MP MNP "northern mariana islands" [Pacific__Saipan];
    MQ MTQ "martinique" [America__Martinique];
    MR MRT "mauritania" [Africa__Nouakchott];
    MS MSR "montserrat" [America__Montserrat];
    MT MLT "malta" [Europe__Malta];
    MU MUS "mauritius" [Indian__Mauritius];
    MV MDV "maldives" [Indian__Maldives];
    MW MWI "malawi" [Africa__Blantyre];
    MX MEX "mexico"
        [America__Mexico_City America__Cancun America__Matamoros America__Ciudad_Juarez America__Mazatlan
        America__Tijuana];
    MY MYS "malaysia" [Asia__Kuala_Lumpur];
    MZ MOZ "mozambique" [Africa__Maputo];
    NA NAM "namibia" [Africa__Windhoek];
    NC NCL "new caledonia" [Pacific__Noumea];
    NE NER "niger" [Africa__Niamey];
    NF NFK "norfolk island" [Pacific__Norfolk];
    NG NGA "nigeria" [Africa__Lagos];
    NI NIC "nicaragua" [America__Managua];
    NL NLD "netherlands | holland | nederland | netherlands kingdom of the | kingdom of the netherlands"
        [Europe__Amsterdam];
    NO NOR "norway | norge" [Europe__Oslo];
    NP NPL "nepal" [Asia__Kathmandu];
    NR NRU "nauru" [Pacific__Nauru];
    NU NIU "niue" [Pacific__Niue];
    NZ NZL "new zealand" [Pacific__Auckland Pacific__Chatham];
    OM OMN "oman" [Asia__Muscat];
    PA PAN "panama" [America__Panama];
    PE PER "peru" [America__Lima];
    PF PYF "french polynesia" [Pacific__Tahiti Pacific__Marquesas Pacific__Gambier];
    PG PNG "papua new guinea" [Pacific__Port_Moresby Pacific__Bougainville];
    PH PHL "philippines" [Asia__Manila];
    PK PAK "pakistan" [Asia__Karachi];
    PL POL "poland | polska" [Europe__Warsaw];
    PM SPM "saint pierre and miquelon" [America__Miquelon];
    PN PCN "pitcairn | pitcairn islands" [Pacific__Pitcairn];
    PR PRI "puerto rico" [America__Puerto_Rico];
    PS PSE "palestine | palestine state of | state of palestine | palestinian territory | palestinian territories"
        [Asia__Gaza];
    PT PRT "portugal" [Europe__Lisbon Atlantic__Azores];
    PW PLW "palau" [Pacific__Palau];
    PY PRY "paraguay" [America__Asuncion];
    QA QAT "qatar" [Asia__Qatar];
    RE REU "reunion" [Indian__Reunion];
    RO ROU "romania" [Europe__Bucharest];
    RS SRB "serbia" [Europe__Belgrade];
    RU RUS "russia | russian federation"
        [Europe__Kaliningrad Europe__Moscow Europe__Samara Asia__Yekaterinburg Asia__Omsk Asia__Novosibirsk
        Asia__Irkutsk Asia__Chita Asia__Vladivostok Asia__Magadan Asia__Kamchatka];
    RW RWA "rwanda" [Africa__Kigali];
    SA SAU "saudi arabia" [Asia__Riyadh];
    SB SLB "solomon islands" [Pacific__Guadalcanal];
    SC SYC "seychelles" [Indian__Mahe];
    SD SDN "sudan" [Africa__Khartoum];
    SE SWE "sweden | sverige" [Europe__Stockholm];
    SG SGP "singapore" [Asia__Singapore];
    SH SHN "saint helena | saint helena ascension and tristan da cunha" [Atlantic__St_Helena];
    SI SVN "slovenia" [Europe__Ljubljana];
    SJ SJM "svalbard and jan mayen" [Arctic__Longyearbyen];
    SK SVK "slovakia | slovak republic" [Europe__Bratislava];
    SL SLE "sierra leone" [Africa__Freetown];
    SM SMR "san marino" [Europe__San_Marino];
    SN SEN "senegal" [Africa__Dakar];
    SO SOM "somalia" [Africa__Mogadishu];
    SR SUR "suriname" [America__Paramaribo];
    SS SSD "south sudan" [Africa__Juba];
    ST STP "sao tome and principe" [Africa__Sao_Tome];
    SV SLV "el salvador" [America__El_Salvador];
    SX SXM "sint maarten | sint maarten dutch part" [America__Lower_Princes];
    SY SYR "syria | syrian arab republic" [Asia__Damascus];
    SZ SWZ "eswatini | swaziland" [Africa__Mbabane];
    TC TCA "turks and caicos islands" [America__Grand_Turk];
    TD TCD "chad" [Africa__Ndjamena];
    TF ATF "french southern territories" [Indian__Kerguelen];
    TG TGO "togo" [Africa__Lome];
    TH THA "thailand" [Asia__Bangkok];
    TJ TJK "tajikistan" [Asia__Dushanbe];
    TK TKL "tokelau" [Pacific__Fakaofo];
    TL TLS "timor leste | east timor" [Asia__Dili];
    TM TKM "turkmenistan" [Asia__Ashgabat];
    TN TUN "tunisia" [Africa__Tunis];
    TO TON "tonga" [Pacific__Tongatapu];
    TR TUR "turkiye | turkey" [Europe__Istanbul];
    TT TTO "trinidad and tobago | trinidad" [America__Port_of_Spain];
    TV TUV "tuvalu" [Pacific__Funafuti];
    TW TWN "taiwan | republic of china | taiwan province of china" [Asia__Taipei];
    TZ TZA "tanzania | tanzania united republic of | united republic of tanzania" [Africa__Dar_es_Salaam];
    UA UKR "ukraine" [Europe__Kyiv Europe__Simferopol];
    UG UGA "uganda" [Africa__Kampala];
    UM UMI "united states minor outlying islands" [Pacific__Midway Pacific__Wake];
    US USA "united states | united states of america | america | u s a | u s"
        [America__New_York America__Chicago America__Denver America__Phoenix America__Los_Angeles America__Anchorage
        America__Adak Pacific__Honolulu];
    UY URY "uruguay" [America__Montevideo];
    UZ UZB "uzbekistan" [Asia__Samarkand];
    VA VAT "vatican city | holy see | holy see vatican city state | vatican" [Europe__Vatican];
    VC VCT "saint vincent and the grenadines | saint vincent" [America__St_Vincent];
    VE VEN "venezuela | venezuela bolivarian republic of" [America__Caracas];
    VG VGB "british virgin islands | virgin islands british" [America__Tortola];
    VI VIR "us virgin islands | united states virgin islands | virgin islands us \
        | virgin islands u s | u s virgin islands"
        [America__St_Thomas];
    VN VNM "vietnam | viet nam" [Asia__Ho_Chi_Minh];
    VU VUT "vanuatu" [Pacific__Efate];
    WF WLF "wallis and futuna | wallis and futuna islands" [Pacific__Wallis];
    WS WSM "samoa" [Pacific__Apia];
    XK XKX "kosovo" [Europe__Belgrade];
    YE YEM "yemen" [Asia__Aden];
    YT MYT "mayotte" [Indian__Mayotte];
    ZA ZAF "south africa | rsa" [Africa__Johannesburg];
    ZM ZMB "zambia" [Africa__Lusaka];
    ZW ZWE "zimbabwe" [Africa__Harare];
}
