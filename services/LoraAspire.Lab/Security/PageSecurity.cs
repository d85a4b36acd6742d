namespace LoraAspire.Lab.Security;

/// <summary>The pages load only what is theirs, and no other page may frame them.</summary>
public static class PageSecurity
{
    // MudBlazor positions popovers and draws progress bars by style attributes, hence 'unsafe-inline' for styles alone.
    private const string ContentSecurityPolicy =
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; " +
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    public static void UsePageSecurity(this WebApplication app) => app.Use((context, next) =>
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        return next(context);
    });
}
