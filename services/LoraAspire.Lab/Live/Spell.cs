using System.Globalization;
using LoraAspire.Lab.Languages;
using LoraAspire.Model.Data;

namespace LoraAspire.Lab.Live;

/// <summary>How numbers, and the beginnings of texts, are written on every page.</summary>
public static class Spell
{
    private static bool IsChinese => CultureInfo.CurrentUICulture.TwoLetterISOLanguageName == "zh";

    private static string DayForm => IsChinese ? "M月d日" : "d MMM";

    /// <summary>Local time: of day when it is today, with the date otherwise.</summary>
    public static string Moment(DateTimeOffset at)
    {
        var local = at.ToLocalTime();
        return local.Date == TimeProvider.System.GetLocalNow().Date ? local.ToString("HH:mm:ss", CultureInfo.InvariantCulture)
            : local.ToString($"{DayForm} HH:mm", CultureInfo.InvariantCulture);
    }

    /// <summary>Local date and time of day; the year where it isn't this one.</summary>
    public static string Day(DateTimeOffset at)
    {
        var local = at.ToLocalTime();
        var isOfThisYear = local.Year == TimeProvider.System.GetLocalNow().Year;
        return local.ToString(isOfThisYear ? $"{DayForm} HH:mm" : IsChinese ? "yyyy年M月d日 HH:mm" : "d MMM yyyy HH:mm",
            CultureInfo.InvariantCulture);
    }

    /// <summary>Bytes in binary units.</summary>
    public static string Size(long bytes) => bytes switch
    {
        < 1L << 10 => $"{bytes} B",
        < 1L << 20 => Invariant($"{bytes / 1024d:0.#} KiB"),
        < 1L << 30 => Invariant($"{bytes / 1048576d:0.#} MiB"),
        _ => Invariant($"{bytes / 1073741824d:0.##} GiB"),
    };

    public static string Count(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Four figures: a loss.</summary>
    public static string Loss(double value) => value.ToString(Math.Abs(value) < 10 ? "0.0000" : "0.00", CultureInfo.InvariantCulture);

    /// <summary>A learning rate: 1.00e-4.</summary>
    public static string Rate(double value) => value == 0 ? "0" : value.ToString("0.00e-0", CultureInfo.InvariantCulture);

    /// <summary>The head of a digest: enough to tell two apart.</summary>
    public static string Digest(string digest) => digest.Length > 12 ? digest[..12] : digest;

    /// <summary>So many letters at most, then that there are more; not in the middle of a character of two halves.</summary>
    public static string Begin(string text, int most) =>
        text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)] + "…";

    /// <summary>Why a call to the browser failed, as a sentence: the first line, as a trace comes after it.</summary>
    public static string InBrowser(Exception broken) => broken is OperationCanceledException ? Words.Of("the browser does not answer.")
        : $"{VisibleText.Safe(broken.Message.Split('\n')[0].TrimEnd('\r', '.'))}.";

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
