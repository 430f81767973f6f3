"""Names, places and numbers of fifteen countries, from which `tools.make_customers` composes people who do not exist.

Lists are written as one comma-separated text. ``王=wang`` gives a word and its Latin spelling (for an email address),
``Berlin=10###`` a city and its postcodes. In a pattern each ``#`` stands for any digit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """Hold what is needed to invent a customer of one country.

    :param mobiles: patterns of mobile numbers: country code, then the groups of digits, a blank before each. The ranges
        are ordinary ones, so a number may be somebody's: import them into a sandbox only.
    :param families_female: family names of women where they differ; empty means ``families`` serves both.
    :param name: how a given and a family name are put together.
    :param address: a template; ``|`` parts the lines of a letter.
    :param joint: what stands for ``|`` when the address is written on one line.
    """

    language: str
    mobiles: str
    male: str
    female: str
    families: str
    cities: str
    streets: str
    address: str
    professions: str
    incomes: str
    notes: str
    families_female: str = ""
    name: str = "{given} {family}"
    joint: str = ", "


CHINA = Country(
    language="Chinese Simplified",
    name="{family}{given}",
    joint=" ",
    mobiles="86 138 #### ####, 86 139 #### ####, 86 152 #### ####, 86 186 #### ####",
    male="伟=wei, 强=qiang, 建国=jianguo, 浩然=haoran, 子轩=zixuan, 明=ming",
    female="芳=fang, 丽娜=lina, 秀英=xiuying, 雨桐=yutong, 静=jing, 欣怡=xinyi",
    families="王=wang, 李=li, 张=zhang, 刘=liu, 陈=chen, 杨=yang, 赵=zhao, 黄=huang, 周=zhou, 吴=wu",
    cities="北京市朝阳区=1000##, 上海市浦东新区=2001##, 广州市天河区=5106##, 成都市武侯区=6100##",
    streets="人民路, 中山路, 建设大道, 解放路, 和平路, 新华路",
    address="{city}{street}{number}号|{flat}室 {postcode}",
    professions="工程师, 教师, 医生, 会计, 店主",
    incomes="8万, 12万, 年薪20万, 6000元, 保密",
    notes="喜欢微信联系, 周末请勿打电话, 老客户，请优先发货",
)
JAPAN = Country(
    language="Japanese",
    name="{family} {given}",
    joint=" ",
    mobiles="81 90 2### ####, 81 80 3### ####, 81 70 4### ####",
    male="翔太=shota, 健一=kenichi, 大輔=daisuke, 蓮=ren, 拓也=takuya",
    female="美咲=misaki, 陽子=yoko, 結衣=yui, さくら=sakura, エミリ=emiri",
    families="佐藤=sato, 鈴木=suzuki, 高橋=takahashi, 田中=tanaka, 渡辺=watanabe, 伊藤=ito, 山本=yamamoto",
    cities="東京都新宿区=160-00##, 大阪府大阪市北区=530-00##, 福岡県福岡市博多区=812-00##",
    streets="本町, 中央, 栄町, 緑が丘, 東町",
    address="〒{postcode} {city}|{street}{number}-{flat}",
    professions="会社員, デザイナー, 看護師, 自営業",
    incomes="450万円, 600万円, 月30万円, 1000万円",
    notes="平日の夜に連絡希望, 請求書は「御中」で, 返信は早い",
)
KOREA = Country(
    language="Korean",
    name="{family}{given}",
    mobiles="82 10 2### ####, 82 10 5### ####, 82 10 9### ####",
    male="민준=minjun, 서준=seojun, 지훈=jihoon, 현우=hyunwoo, 성민=sungmin",
    female="서연=seoyeon, 지우=jiwoo, 하은=haeun, 수진=sujin, 은지=eunji",
    families="김=kim, 이=lee, 박=park, 최=choi, 정=jung, 강=kang, 조=cho, 윤=yoon",
    cities="서울특별시 강남구=06###, 부산광역시 해운대구=48###, 대구광역시 수성구=42###, 대전광역시 유성구=34###",
    streets="중앙로, 평화로, 시청로, 강변로, 은행나무길",
    address="{city} {street} {number}|{flat}호 ({postcode})",
    professions="회사원, 약사, 개발자, 자영업",
    incomes="월 300만원, 4500만원, 연 6천만원",
    notes="카드 결제 선호, 오후에만 통화 가능, 친구 추천",
)
THAILAND = Country(
    language="Thai",
    joint=" ",
    mobiles="66 81 ### ####, 66 89 ### ####, 66 62 ### ####",
    male="สมชาย=somchai, ณัฐพล=nattapon, ธนากร=thanakorn, วีระ=weera, กิตติ=kitti",
    female="สุดา=suda, พรทิพย์=pornthip, นันทนา=nantana, มาลี=malee, อรุณี=arunee",
    families="ใจดี=jaidee, ศรีสุข=srisuk, ทองคำ=thongkham, แสงจันทร์=saengchan, บุญมา=boonma",
    cities="บางรัก กรุงเทพฯ=10500, อ.เมือง เชียงใหม่=50000, อ.เมือง ภูเก็ต=83000, อ.เมือง ขอนแก่น=40000",
    streets="ถ.ราชดำเนิน, ถ.เพชรเกษม, ถ.พหลโยธิน, ถ.ประชาธิปไตย",
    address="{number}/{flat} {street}|{city} {postcode}",
    professions="ครู, พยาบาล, เจ้าของร้าน, วิศวกร",
    incomes="25000 บาท, 3 หมื่น, 1 แสน",
    notes="ชอบโปรโมชั่น, โทรหลังหกโมงเย็น, ลูกค้าประจำ",
)
BRAZIL = Country(
    language="Portuguese",
    mobiles="55 11 98### ####, 55 21 99### ####, 55 31 98### ####, 55 71 99### ####, 55 62 98### ####",
    male="João, José, Antônio, Luís, Fábio, Márcio, Otávio",
    female="Letícia, Júlia, Patrícia, Mônica, Inês, Antônia, Flávia",
    families="Souza, Gonçalves, Araújo, Magalhães, Simões, Brandão, Assunção, da Conceição",
    cities="São Paulo - SP=01###-0##, Rio - RJ=20###-0##, Goiânia - GO=74###-0##, Salvador - BA=40###-0##",
    streets='Rua das Flores, Avenida Brasil, Rua São João, Edifício "Sol Nascente" Rua das Acácias',
    address="{street}, {number}, apto {flat}|{city}|CEP {postcode}",
    professions="Médica, Engenheiro, Professor, Comerciante, Músico",
    incomes="R$ 5.000, 3 salários mínimos, R$ 12 mil, 100 $",
    notes="Prefere áudio, Só responde à tarde, Pediu catálogo de verão",
)
SPAIN = Country(
    language="Spanish",
    mobiles="34 612 ### ###, 34 634 ### ###, 34 655 ### ###, 34 699 ### ###",
    male="José, Andrés, Íñigo, Álvaro, Ramón, Sebastián",
    female="María, Lucía, Begoña, Nuria, Ángela, Rocío",
    families="García, Núñez, Muñoz, Fernández, Ibáñez, Peña, Gómez",
    cities="Madrid=280##, Málaga=290##, Córdoba=140##, A Coruña=150##, Logroño=260##",
    streets="Calle Mayor, Calle del Álamo, Avenida de la Constitución, Plaza de España",
    address="{street} {number}, piso {flat}|{postcode} {city}",
    professions="Abogada, Cocinero, Diseñadora, Autónomo",
    incomes="1.800 €, 2.300 € al mes, 100 $",
    notes="Llamar por la mañana, Quiere factura, Vino por la feria",
)
MEXICO = Country(
    language="Spanish",
    mobiles="52 55 4### ####, 52 33 1### ####, 52 81 1### ####",
    male="Jesús, Raúl, Héctor, Óscar, Martín",
    female="Guadalupe, Verónica, Sofía, Belén, Mónica",
    families="Hernández, López, Martínez, Ordóñez, Zúñiga, Chávez",
    cities="Ciudad de México=06###, Mérida=970##, León=370##, Querétaro=760##",
    streets='Av. Juárez, Calle Hidalgo, Calz. de los Ángeles, Col. "La Perla" Calle 5 de Mayo',
    address="{street} {number}, Int. {flat}|{city}|C.P. {postcode}",
    professions="Contador, Maestra, Taxista, Dueña de tienda",
    incomes="$15 000 MXN, 20 mil pesos, 100 $",
    notes="Paga en efectivo, Pregunta por envíos, Ya compró dos veces",
)
NIGERIA = Country(
    language="English",
    mobiles="234 803 ### ####, 234 806 ### ####, 234 813 ### ####, 234 905 ### ####",
    male="Chukwuemeka, Olúmídé, Musa, Túndé, Ifeanyi",
    female="Ngozi, Fúnmiláyọ̀, Amina, Chiamaka, Títílayọ̀",
    families="Adéyẹmí, Okonkwo, Balógun, Ọláwálé, Eze, Danjuma, Nwosu",
    cities="Lagos=100###, Abuja=900###, Ibadan=200###, Port Harcourt=500###, Kano=700###",
    streets='Awolowo Road, Market Street, Ahmadu Bello Way, Unity Close, "Blue Gate" Allen Avenue',
    address="{number} {street}, Flat {flat}|{city} {postcode}",
    professions="Trader, Nurse, Software developer, Teacher",
    incomes="₦350k monthly, 100 $, ₦2m a year",
    notes="Prefers voice notes, Call before delivery, Came with a friend's code",
)
EGYPT = Country(
    language="Arabic",
    joint="، ",
    mobiles="20 100 ### ####, 20 111 ### ####, 20 122 ### ####, 20 155 ### ####",
    male="محمد=mohamed, أحمد=ahmed, محمود=mahmoud, خالد=khaled, يوسف=youssef",
    female="فاطمة=fatma, نور=nour, مريم=mariam, سلمى=salma, هبة=heba",
    families="حسن=hassan, إبراهيم=ibrahim, السيد=elsayed, عبد الله=abdallah, منصور=mansour, سليمان=soliman",
    cities="القاهرة=115##, الإسكندرية=215##, الجيزة=125##, طنطا=315##",
    streets="شارع التحرير, شارع الجمهورية, شارع النصر, شارع الجامعة, ميدان المحطة",
    address="{number} {street}، شقة {flat}|{city} {postcode}",
    professions="مهندس, طبيبة, معلم, تاجر",
    incomes="١٠ آلاف جنيه, 15000 جنيه, 100 $",
    notes="يفضل الرسائل الصوتية, اتصل بعد العصر, عميل قديم",
)
ISRAEL = Country(
    language="Hebrew",
    mobiles="972 50 2## ####, 972 52 3## ####, 972 54 4## ####",
    male="דוד=david, משה=moshe, יוסי=yossi, אורי=uri, איתן=eitan",
    female="נועה=noa, תמר=tamar, שירה=shira, רחל=rachel, מיכל=michal",
    families="כהן=cohen, לוי=levi, מזרחי=mizrahi, פרץ=peretz, ביטון=biton",
    cities="תל אביב=61#####, ירושלים=91#####, חיפה=31#####, באר שבע=84#####",
    streets="רחוב הרצל, שד' רוטשילד, רחוב ז'בוטינסקי, רחוב ביאליק, רחוב הרמב\"ם",
    address="{street} {number}, דירה {flat}|{city} {postcode}",
    professions="מורה, רופאה, מתכנת, קבלן",
    incomes='12,000 ש"ח, 9000 ₪, 100 $',
    notes='לא להתקשר בשבת, מעדיף דוא"ל, ביקשה הצעת מחיר',
)
INDIA = Country(
    language="Hindi",
    mobiles="91 98### #####, 91 97### #####, 91 88### #####, 91 70### #####",
    male="राहुल=rahul, अमित=amit, विजय=vijay, संजय=sanjay, अर्जुन=arjun",
    female="प्रिया=priya, सुनीता=sunita, अंजलि=anjali, कविता=kavita, मीरा=meera",
    families="शर्मा=sharma, वर्मा=verma, गुप्ता=gupta, सिंह=singh, पटेल=patel",
    cities="नई दिल्ली=1100##, जयपुर=3020##, लखनऊ=2260##, भोपाल=4620##",
    streets="गांधी मार्ग, स्टेशन रोड, नेहरू नगर, शिव मंदिर मार्ग",
    address="{number}/{flat}, {street}|{city} - {postcode}",
    professions="शिक्षक, डॉक्टर, दुकानदार, इंजीनियर",
    incomes="₹ 12 लाख, ₹45 हज़ार, 100 $",
    notes="शाम को कॉल करें, पुराना ग्राहक, हिंदी में लिखें",
)
CZECHIA = Country(
    language="Czech",
    mobiles="420 602 ### ###, 420 604 ### ###, 420 731 ### ###, 420 777 ### ###",
    male="Jiří, Tomáš, Ondřej, Václav, Lukáš",
    female="Kateřina, Zdeňka, Šárka, Tereza, Růžena",
    families="Novotný, Dvořák, Černý, Procházka, Růžička, Šťastný",
    families_female="Novotná, Dvořáková, Černá, Procházková, Růžičková, Šťastná",
    cities="Praha=120 00, Brno=602 00, Plzeň=301 00, Olomouc=779 00, České Budějovice=370 01",
    streets="Dlouhá, Nádražní, Květinová, Husova třída, Na Příkopě",
    address="{street} {number}/{flat}|{postcode} {city}",
    professions="Účetní, Lékařka, Řidič, Učitel",
    incomes="35 000 Kč, 50 tis. Kč, 1.500 €",
    notes="Volat až po páté, Chce slevu, Stálý zákazník",
)
GERMANY = Country(
    language="German",
    mobiles="49 1512 #######, 49 171 #######, 49 176 ########, 49 1577 #######",
    male="Jürgen, Björn, Günther, Jörg, Stefan",
    female="Bärbel, Käthe, Zoë, Franziska, Jördis",
    families="Müller, Schäfer, Köhler, Weiß, Groß, Schröder, Böhm",
    cities="Berlin=101##, München=803##, Köln=506##, Düsseldorf=402##, Nürnberg=904##",
    streets="Hauptstraße, Bahnhofstraße, Gartenweg, Goethestraße, Am Mühlbach",
    address="{street} {number}, Whg. {flat}|{postcode} {city}",
    professions="Bäcker, Ärztin, Steuerberater, Köchin",
    incomes="2.500 €, 48.000 € im Jahr, ca. 3 T€",
    notes="Bitte nur schreiben, Möchte Rückruf, Rechnung per Post",
)
GREECE = Country(
    language="Greek",
    mobiles="30 694 ### ####, 30 697 ### ####, 30 698 ### ####",
    male="Γιώργος=giorgos, Δημήτρης=dimitris, Νίκος=nikos, Κώστας=kostas",
    female="Μαρία=maria, Ελένη=eleni, Κατερίνα=katerina, Σοφία=sofia",
    families="Παπαδόπουλος=papadopoulos, Παππάς=pappas, Οικονόμου=oikonomou, Γεωργίου=georgiou",
    families_female="Παπαδοπούλου=papadopoulou, Παππά=pappa, Οικονόμου=oikonomou, Γεωργίου=georgiou",
    cities="Αθήνα=105 ##, Θεσσαλονίκη=546 ##, Πάτρα=262 ##, Ηράκλειο=712 ##",
    streets="Ερμού, Ελευθερίου Βενιζέλου, Αγίου Δημητρίου, 28ης Οκτωβρίου",
    address="{street} {number}|{postcode} {city}",
    professions="Δασκάλα, Ναυτικός, Γιατρός, Έμπορος",
    incomes="1.200 €, 900 € τον μήνα, 20 χιλ. €",
    notes="Μόνο μηνύματα, Παλιός πελάτης, Θέλει προσφορά",
)
UKRAINE = Country(
    language="Ukrainian",
    mobiles="380 50 ### ####, 380 67 ### ####, 380 63 ### ####, 380 93 ### ####",
    male="Олександр=oleksandr, Андрій=andrii, Тарас=taras, Микола=mykola, Юрій=yurii",
    female="Оксана=oksana, Олена=olena, Наталія=nataliia, Ірина=iryna, Дарина=daryna",
    families="Шевченко=shevchenko, Бондаренко=bondarenko, Ткаченко=tkachenko, Мельник=melnyk, Кравчук=kravchuk",
    cities="Київ=010##, Львів=790##, Одеса=650##, Полтава=360##",
    streets='вул. Лесі Українки, просп. Свободи, вул. Соборна, ЖК "Сонячний" вул. Садова',
    address="{street}, {number}, кв. {flat}|м. {city}, {postcode}",
    professions="Лікар, Вчителька, Водій, Бухгалтер",
    incomes="25 тис. грн, 40000 грн, 100 $",
    notes="Писати українською, Дзвонити ввечері, Постійна клієнтка",
)

CUSTOMERS_OF = {
    "agent_wang": (CHINA, JAPAN, KOREA, THAILAND),
    "agent_silva": (BRAZIL, SPAIN, MEXICO),
    "agent_okafor": (NIGERIA, EGYPT, ISRAEL, INDIA),
    "agent_novak": (CZECHIA, GERMANY, GREECE, UKRAINE),
}
