"""Courses in other languages than English, and with what texts bring along, for the exporters."""

from worker_support import PYTHON_COURSE

from coursegen_worker.documents import (
    Chapter,
    CodeBlock,
    Course,
    Generator,
    LearningObjective,
    ListBlock,
    Option,
    Paragraph,
    Question,
    Section,
)

ARABIC = (
    "مقدمة في البرمجة",
    "تتعلم في هذا الفصل كيف تكتب `print` برنامجا صغيرا بلغة Python خطوة بخطوة.",
    "المتغير اسم يشير إلى قيمة محفوظة في ذاكرة الحاسوب.",
)
HEBREW = ("מבוא לתכנות", "בפרק הזה נלמד לכתוב תוכנית קטנה בשפת `Python`.", "משתנה הוא שם של ערך.")
PERSIAN = (
    "آشنایی با برنامه‌نویسی",
    "در این فصل برنامه‌ای کوچک می‌نویسیم و گام به گام پیش می‌رویم.",
    "متغیر نام یک مقدار است.",
)
JAPANESE = ("Python入門", "この章では、小さなプログラムの書き方を学びます。", "変数は値に付けた名前です。")
CHINESE = ("编程入门", "本章介绍如何用 Python 编写小程序。", "变量是值的名字。")
KOREAN = ("프로그래밍 입문", "이 장에서는 작은 프로그램을 작성하는 방법을 배웁니다.", "변수는 값의 이름입니다.")
GERMAN = (
    "Einführung in das Programmieren",
    "In diesem Kapitel ist das Ziel, mit wenigen Zeilen ein Programm zu schreiben, und das ist nicht schwer.",
    "Eine Variable ist ein Name für den Wert, auf den sie zeigt.",
)
ENGLISH = (
    "Introduction to programming",
    "In this chapter you learn to write a small program, and it is not as hard as it may be said to be.",
    "A variable is a name for a value.",
)

SPOKEN = {
    "de": GERMAN,
    "ar": ARABIC,
    "he": HEBREW,
    "zh": CHINESE,
    "ja": JAPANESE,
    "ko": KOREAN,
    "fr": (
        "Introduction à la programmation",
        "Dans ce chapitre, vous apprenez à écrire un petit programme avec les boucles, et ce n'est pas difficile.",
        "Une variable est un nom pour la valeur qui est dans la mémoire.",
    ),
    "es": (
        "Introducción a la programación",
        "En este capítulo se aprende a escribir un programa con las listas y los bucles, y no es difícil.",
        "Una variable es el nombre de la caja en que se guarda un valor.",
    ),
    "it": (
        "Introduzione alla programmazione",
        "In questo capitolo si impara che cosa è una lista e come gli elementi non si perdono nel programma.",
        "Una variabile è il nome di un valore, e non è il valore.",
    ),
    "pt": (
        "Introdução à programação",
        "Neste capítulo aprende a escrever um programa com uma lista, e não é difícil para quem começa.",
        "Uma variável é o nome do valor em que os dados estão.",
    ),
    "nl": (
        "Inleiding tot programmeren",
        "In dit hoofdstuk leert u een klein programma te schrijven met een lijst, en dat is niet moeilijk.",
        "Een variabele is de naam van het vak voor een waarde.",
    ),
    "pl": (
        "Wprowadzenie do programowania",
        "W tym rozdziale piszemy mały program z listą, który nie jest trudny, oraz uczymy się pętli przez przykład.",
        "Zmienna jest nazwą dla wartości, a nie wartością.",
    ),
    "sv": (
        "Introduktion till programmering",
        "I det här kapitlet lär du dig att skriva ett litet program med en lista, och det är inte svårt.",
        "En variabel är ett namn som står för ett värde.",
    ),
    "tr": (
        "Programlamaya giriş",
        "Bu bölümde bir liste ile küçük bir program yazılır ve bu çok zor değil, bir oyun gibi kolaydır.",
        "Değişken, bir değer için kullanılan bir addır ve daha sonra değişebilir.",
    ),
    "ru": (
        "Введение в программирование",
        "В этой главе мы пишем небольшую программу и учимся читать ошибки.",
        "Переменная — это имя значения.",
    ),
    "uk": (
        "Вступ до програмування",
        "У цьому розділі ми пишемо невелику програму і вчимося її змінювати.",
        "Змінна — це ім’я її значення.",
    ),
}
"""A text in each language that layouts speak, but English."""


def course(*languages: tuple[str, str, str], title: str | None = None) -> Course:
    """Give a course with a chapter in each language; all have the same parts."""
    chapters = [chapter(texts, index) for index, texts in enumerate(languages, start=1)]
    context = PYTHON_COURSE.model_copy(update={"title": title or languages[0][0]})
    return Course(
        course_id="course-9",
        course=context,
        objectives=[chapter.objectives[0] for chapter in chapters],
        chapters=chapters,
        estimated_duration="PT2H",
    )


def chapter(texts: tuple[str, str, str], index: int = 1) -> Chapter:
    """Give a chapter of every kind of section and block."""
    title, first, second = texts
    blocks = [
        Paragraph(text=first),
        ListBlock(items=[first, second]),
        CodeBlock(language="python", text=f"print({second!r})", output=second),
        ListBlock(ordered=True, start=7, items=[first]),
    ]
    kinds = ("introduction", "concept", "example", "exercise", "misconception", "recap")
    return Chapter(
        chapter_id=f"chapter-{index}",
        course=PYTHON_COURSE,
        index=index,
        title=title,
        complexity_level=PYTHON_COURSE.proficiency_level,
        objectives=[LearningObjective(id="o1", text=second, bloom_level="apply")],
        generator=Generator(writer="by hand", llm=False, version="1"),
        sections=[
            Section.model_validate(
                {
                    "id": f"s{number}",
                    "kind": kind,
                    "title": title,
                    "blocks": blocks,
                    "solution": [Paragraph(text=second)] if kind == "exercise" else None,
                }
            )
            for number, kind in enumerate(kinds, start=1)
        ],
        questions=[
            Question(
                id="q1",
                objective_id="o1",
                stem=first,
                options=[Option(text=second, feedback=first), Option(text=title, feedback=second)],
                answer=0,
            )
        ],
    )
