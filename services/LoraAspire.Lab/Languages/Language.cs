using System.Globalization;
using Microsoft.AspNetCore.Localization;

namespace LoraAspire.Lab.Languages;

/// <summary>The language of the pages: what the reader chose, else the browser's first that there is, else English.</summary>
public static class Language
{
    private const string English = "en", Chinese = "zh";

    /// <summary>As HTML names it.</summary>
    public static string Html => IsChinese ? "zh-Hans" : English;

    /// <summary>English, as HTML names it, of a page that isn't translated; null of one that speaks the chosen language.</summary>
    /// <param name="path">Below the lab's root.</param>
    public static string? OfPage(string path) =>
        IsChinese && $"/{path.Split('?', '#')[0]}" is not ("/" or "/compare" or "/gpus" or "/chat") ? English : null;

    /// <summary>The one that isn't shown, in its own words.</summary>
    public static string OtherName => IsChinese ? "English" : "中文";

    /// <summary>The cookie that chooses the other one, which lasts a year: name and value.</summary>
    public static (string Name, string Value) OtherCookie => (CookieRequestCultureProvider.DefaultCookieName,
        Uri.EscapeDataString($"c={English}|uic={(IsChinese ? English : Chinese)}"));

    private static bool IsChinese => CultureInfo.CurrentUICulture.TwoLetterISOLanguageName == Chinese;

    /// <summary>Numbers and dates are written alike in both: only words have a language.</summary>
    public static void UseLanguages(this WebApplication app) => app.UseRequestLocalization(options =>
    {
        options.DefaultRequestCulture = new(CultureInfo.InvariantCulture, new CultureInfo(English));
        options.SupportedCultures = [CultureInfo.InvariantCulture];
        options.SupportedUICultures = [new CultureInfo(English), new CultureInfo(Chinese)];
        options.RequestCultureProviders = [new CookieRequestCultureProvider(), new AcceptLanguageHeaderRequestCultureProvider()];
    });
}
