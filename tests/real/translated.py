"""Requests in twenty languages, and the English word that a reasoner's answer must hold.

All are about the caption CAPTION. The words were chosen among those that any model has met: day and
night, a colour, the weather, an animal.
"""

from __future__ import annotations

CAPTION = "a blue car parked on a street in summer"
# What is asked, and words of which one must be in the target caption.
WANTED = (("night", "dark"), ("red",), ("snow", "winter"), ("dog",))
REQUESTS = {
    "English": ("make it night", "make the car red", "in the snow", "with a dog beside it"),
    "German": ("mach es Nacht", "mach das Auto rot", "im Schnee", "mit einem Hund daneben"),
    "French": ("que ce soit la nuit", "que la voiture soit rouge", "sous la neige", "avec un chien à côté"),
    "Spanish": ("que sea de noche", "que el coche sea rojo", "en la nieve", "con un perro al lado"),
    "Italian": ("che sia notte", "che l'auto sia rossa", "nella neve", "con un cane accanto"),
    "Portuguese": ("que seja de noite", "que o carro seja vermelho", "na neve", "com um cão ao lado"),
    "Dutch": ("maak het nacht", "maak de auto rood", "in de sneeuw", "met een hond ernaast"),
    "Swedish": ("gör det till natt", "gör bilen röd", "i snön", "med en hund bredvid"),
    "Polish": ("niech będzie noc", "niech samochód będzie czerwony", "w śniegu", "z psem obok"),
    "Czech": ("ať je noc", "ať je auto červené", "ve sněhu", "se psem vedle"),
    "Russian": ("пусть будет ночь", "пусть машина будет красной", "в снегу", "с собакой рядом"),
    "Ukrainian": ("нехай буде ніч", "нехай машина буде червоною", "у снігу", "із собакою поруч"),
    "Greek": ("να είναι νύχτα", "το αυτοκίνητο να είναι κόκκινο", "στο χιόνι", "με έναν σκύλο δίπλα"),
    "Turkish": ("gece olsun", "araba kırmızı olsun", "karda", "yanında bir köpekle"),
    "Arabic": ("اجعلها في الليل", "اجعل السيارة حمراء", "في الثلج", "مع كلب بجانبها"),
    "Hebrew": ("שיהיה לילה", "שהמכונית תהיה אדומה", "בשלג", "עם כלב לידה"),
    "Hindi": ("रात कर दो", "कार को लाल कर दो", "बर्फ में", "पास में एक कुत्ते के साथ"),
    "Chinese": ("改成夜晚", "把车改成红色", "在雪地里", "旁边有一只狗"),
    "Japanese": ("夜にして", "車を赤にして", "雪の中で", "そばに犬がいる"),
    "Korean": ("밤으로 바꿔 줘", "차를 빨간색으로 바꿔 줘", "눈 속에서", "옆에 개가 있게"),
}
